import ArgumentParser
import CrypTenRing

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure on this machine.",
        subcommands: [BenchKernelsCommand.self]
    )
}

struct BenchKernelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernels",
        abstract: "Time the kernels beside their baselines, in the same run."
    )

    @Flag(name: .long, help: "Print one JSON object instead of a table.")
    var json = false

    private struct Report: Encodable {
        var rows: [KernelBenchmark.Row]
    }

    func run() async throws {
        ProgressLine.show("measuring")
        let rows = KernelBenchmark().run()
        ProgressLine.clear()
        if json { return try Output.result(json: Report(rows: rows)) }
        var table = TextTable(["kernel", "speed", "unit", "baseline", "its speed", "times"])
        for row in rows {
            table.add([
                row.name, row.figure.fixed(2), row.unit, row.baseline, row.baselineFigure.fixed(2), row.ratio.fixed(2),
            ])
        }
        Output.result(table.text)
    }
}
