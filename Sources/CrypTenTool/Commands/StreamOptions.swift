import ArgumentParser
import Foundation

/// Whether data are masked once and kept, or batch by batch.
struct StreamOptions: ParsableArguments {
    @Flag(
        inversion: .prefixedNo,
        help: "Mask data batch by batch, each epoch anew, or once; without either, once where they fit in memory."
    )
    var stream: Bool?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "What masked data may take of a process's memory before they are streamed: half of the machine's, divided by its processes.",
            valueName: "size"
        ),
        transform: MemoryOptions.bytes
    )
    var dataMemory: Int?

    /// What masked data may take of each of some processes of this machine, in bytes.
    func limit(processes: Int) -> Int {
        dataMemory ?? Int(clamping: ProcessInfo.processInfo.physicalMemory) / 2 / max(1, processes)
    }

    /// How they stand on a command line.
    var arguments: [String] {
        (stream.map { [$0 ? "--stream" : "--no-stream"] } ?? [])
            + (dataMemory.map { ["--data-memory", "\($0 / 1024)KiB"] } ?? [])
    }
}
