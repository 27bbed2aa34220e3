import ArgumentParser
import CrypTen
import CrypTenBase
import CrypTenDevice
import CrypTenRing
import CrypTenRuntime

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure on this machine.",
        discussion: """
            Runs workloads with seeded numbers in processes of this machine that talk over loopback, and a dealer, which \
            works on the same processors. A workload is run once to warm up, and then --repeat times; its time is the \
            median, from operands masked to the result held, the dealer's work included. The online time is that of as many \
            runs which the dealer had dealt before. Without names all workloads are run but `kernels`, which times single \
            kernels beside their baselines, or, with --device, those of a device, as `crypten devices --bench` does.

            With --dealer none there is no dealer, and the two parties make the correlations: the time contains that, and the online time is that of \
            runs whose correlations they had made before. Below the table, and in JSON as `offline`, is what one run's took: seconds, exchanges, \
            bytes and transfers, beside what `crypten plan` says they take.

              crypten bench --list                      what there is
              crypten bench relu_1m lenet_b1            two workloads, as a table
              crypten bench resnet18_b1 --json          one JSON object a line and workload
              crypten bench lenet_b1 --dealer none      two parties who make the correlations themselves
              crypten bench lenet_b1 --network wan      over a relay that delays and paces, beside the prediction
              crypten bench lenet_b1 --soak 1000        whether a long session grows: resident memory, open files
              crypten bench kernels                     multiply-accumulates and bytes a second,
                                                        beside memory's and baselines
              crypten bench kernels --device cuda --write card.json
                                                        a device's, for crypten plan --device-profile

            Figures of JSON are in seconds and bytes. Peak memory is that of each process, the dealer's last where there is one.
            """
    )

    @Argument(help: ArgumentHelp("What to run; see --list.", valueName: "workload"))
    var workloads: [String] = []

    @Flag(name: .long, help: "Name the workloads, and run none.")
    var list = false

    @Option(
        name: .long,
        help: ArgumentHelp("How many parties, not counting the dealer; 2 with --dealer none.", valueName: "n")
    )
    var parties = 2

    @OptionGroup var correlations: CorrelationOptions

    @Option(name: .long, help: "Threads of one process, or processes that talk over loopback: memory or tcp.")
    var transport = BenchTransport.tcp

    @Flag(name: .long, help: "Have the processes talk over TLS 1.3, with identities drawn for the run.")
    var tls = false

    @Option(name: .long, help: ArgumentHelp("Threads of each member's kernels.", valueName: "t"))
    var threads = 1

    @OptionGroup var devices: DeviceOptions
    @OptionGroup var slabs: SlabOptions

    @Option(
        name: .customLong("repeat"),
        help: ArgumentHelp("How often each workload is measured; 3 times, and 5 on a network.", valueName: "n")
    )
    var repetitions: Int?

    @OptionGroup var network: NetworkOptions

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Run each workload so often in one session, and say what each process has after a tenth of the runs and at the end.",
            valueName: "n"
        )
    )
    var soak: Int?

    @Flag(name: .long, help: "Let the clock run while weights are masked, too.")
    var cold = false

    @Flag(name: .long, help: "Say where the time of all repetitions went, by member and kind of work.")
    var profile = false

    @Option(
        name: .long,
        help: ArgumentHelp("Write a device's speeds, of `kernels` with --device, to a file.", valueName: "file")
    )
    var write: String?

    @Flag(name: .long, help: "Print one JSON object a line instead of a table.")
    var json = false

    /// The name that stands for single kernels.
    private static let kernels = "kernels"

    func validate() throws {
        try PartyCount.check(parties, option: "--parties")
        try correlations.check(parties: parties)
        if let repetitions, !(1...1000).contains(repetitions) {
            throw ValidationError("--repeat \(repetitions): choose 1 to 1000")
        }
        if let soak {
            guard (10...1_000_000).contains(soak) else {
                throw ValidationError("--soak \(soak): choose 10 to 1000000 runs")
            }
            guard transport == .tcp, network.network == nil, !profile, !cold, repetitions == nil else {
                throw ValidationError(
                    "--soak watches processes over loopback: leave out --transport, --network, --profile, --cold and --repeat"
                )
            }
        }
        guard write == nil || workloads.contains(BenchCommand.kernels) && devices.device != .processor else {
            throw ValidationError("--write is for the speeds of a device: name `kernels`, and a device with --device")
        }
        guard !tls || (transport == .tcp && soak == nil) else {
            throw ValidationError("--tls is between processes: it needs --transport tcp, and goes without --soak")
        }
        guard network.network == nil || transport == .tcp else {
            throw ValidationError("--network is between processes: it needs --transport tcp")
        }
        guard (1...1024).contains(threads) else { throw ValidationError("--threads \(threads): choose 1 to 1024") }
        for name in workloads where name != BenchCommand.kernels && Workload.named(name) == nil {
            throw ValidationError("there is no workload '\(name)'; crypten bench --list names them all")
        }
    }

    func run() async throws {
        if list { return listWorkloads() }
        if workloads.contains(BenchCommand.kernels) { try await benchKernels() }
        let chosen = workloads.isEmpty ? Workload.all : workloads.compactMap(Workload.named)
        guard !chosen.isEmpty else { return }
        let bench = Bench(
            parties: parties,
            correlations: correlations.setting,
            transport: transport,
            isTLS: tls,
            slabBits: slabs.slabBits,
            threads: threads,
            device: devices.device,
            repetitions: repetitions ?? (network.network == nil ? 3 : 5),
            isCold: cold,
            isProfiled: profile,
            network: network.network
        )
        if let soak { return try await run(soak, bench, chosen) }
        var reports: [WorkloadReport] = []
        for workload in chosen {
            ProgressLine.show("\(workload.name)  starting \(correlations.members(parties))")
            let report = try await bench.report(of: workload)
            ProgressLine.clear()
            if json { try Output.result(jsonLine: report) }
            reports.append(report)
        }
        if !json { Output.result(WorkloadReport.table(of: reports)) }
    }

    private func run(_ soak: Int, _ bench: Bench, _ workloads: [Workload]) async throws {
        var reports: [SoakReport] = []
        for workload in workloads {
            let report = try await bench.soak(workload, runs: soak)
            ProgressLine.clear()
            if json { try Output.result(jsonLine: report) }
            reports.append(report)
        }
        if !json { Output.result(SoakReport.table(of: reports)) }
    }

    private func listWorkloads() {
        let lines = Workload.all.map { ($0.name, $0.summary) }
        Output.result(TextTable.list(lines + [(BenchCommand.kernels, "single kernels beside their baselines")]))
    }

    private struct KernelReport: Encodable {
        var rows: [KernelBenchmark.Row]
    }

    private func benchKernels() async throws {
        ProgressLine.show("opening \(devices.device)")
        if let queue = try devices.device.open() {
            ProgressLine.clear()
            if !json { Output.result("\(devices.device): \(queue.deviceName)") }
            let report = await DeviceExamination(queue: queue, extent: .whole, isQuiet: json).run(
                checks: false,
                measures: true
            )
            if json { try Output.result(jsonLine: report) }
            if let write, let profile = report.profile { try profile.write(to: write) }
            if let failure = report.failure { throw CrypTenError(.deviceFailed, "\(devices.device): \(failure)") }
            return
        }
        if let write {
            throw CrypTenError(
                .deviceUnavailable,
                "\(write) isn't written: \(devices.device) is the processor here, which has no profile"
            )
        }
        ProgressLine.show("measuring kernels")
        let rows = KernelBenchmark().run()
        ProgressLine.clear()
        if json { return try Output.result(json: KernelReport(rows: rows)) }
        var table = TextTable(["kernel", "speed", "unit", "baseline", "its speed", "times", "of a copy"])
        for row in rows {
            let share = row.unit == rows[0].unit ? (row.figure / rows[0].figure).fixed(2) : ""
            table.add([
                row.name, row.figure.fixed(2), row.unit, row.baseline, row.baselineFigure.fixed(2), row.ratio.fixed(2),
                share,
            ])
        }
        Output.result(table.text)
    }
}

/// One party of a benchmark, started by `bench`.
struct BenchPartyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "bench-party", shouldDisplay: false)

    @Argument var workload: String
    @Option(name: .long) var id: Int
    @Option(name: .customLong("repeat")) var repetitions: Int
    @Option(name: .long) var soak: Int?
    @Flag(name: .long) var cold = false
    @OptionGroup var computing: ComputeOptions

    func validate() throws {
        guard Workload.named(workload) != nil else { throw ValidationError("there is no workload '\(workload)'") }
    }

    func run() async throws {
        guard let workload = Workload.named(workload) else { preconditionFailure("validated") }
        let program = WorkloadProgram(workload: workload, repetitions: repetitions, isCold: cold)
        try await Supervisor().runParty(id, compute: computing.compute) { _ in
            guard let soak else { return { .workload(try await program.run(on: $0)) } }
            return { session in
                try await program.soak(on: session, runs: soak) { runs in
                    if id == 0 { Supervisor().tell(.rested(afterRuns: runs)) }
                }
                return .soaked
            }
        }
    }
}
