import CrypTen
import CrypTenDevice

/// What a run asks party 0's device for, and how long the device takes.
struct DeviceCost: Encodable, Sendable {
    struct Kernel: Encodable, Sendable {
        var name: String
        var launches: Int
        /// Of the device's memory, read and written.
        var memoryBytes: Int
        /// How often it does what it does, and what that is.
        var amount: Int
        var unit: String
        var seconds: Double
    }

    struct Copies: Encodable, Sendable {
        var copies: Int
        var bytes: Int
        var seconds: Double
    }

    /// What its driver calls it, and the driver's library.
    var name: String
    var library: String
    /// The longest first.
    var kernels: [Kernel]
    var launches: Int
    var memoryBytes: Int
    /// Modulo 2^64, word by word and by residues.
    var ringMultiplications: Int
    var residueMultiplications: Int
    /// Of 128 bits, whole groups of them.
    var aesBlocks: Int
    var up: Copies
    var down: Copies
    /// Bytes that tensors take on it at once, at most; what it has.
    var heldMemoryBytes: Int
    var deviceMemoryBytes: Int
    /// All kernels and copies, one after the other.
    var seconds: Double

    init(_ counts: DeviceCounts, on profile: DeviceProfile) {
        name = profile.device
        library = profile.library
        kernels = counts.kernels.map { name, kernel in
            Kernel(
                name: name.rawValue,
                launches: kernel.launches,
                memoryBytes: kernel.work.bytes,
                amount: kernel.work.amount,
                unit: name.unit,
                seconds: kernel.seconds
            )
        }.sorted { ($0.seconds, $1.name) > ($1.seconds, $0.name) }
        launches = counts.launches
        memoryBytes = counts.work.bytes
        func multiplications(_ name: KernelName) -> Int { counts.kernels[name]?.work.multiplications ?? 0 }
        ringMultiplications = multiplications(.ringProduct) + multiplications(.planeProduct)
        residueMultiplications = multiplications(.residueProduct)
        aesBlocks = (counts.kernels[.expand]?.work.amount ?? 0) / 2
        up = Copies(copies: counts.uploads, bytes: counts.uploadedBytes, seconds: counts.uploadSeconds)
        down = Copies(copies: counts.downloads, bytes: counts.downloadedBytes, seconds: counts.downloadSeconds)
        heldMemoryBytes = counts.mostUsedBytes
        deviceMemoryBytes = profile.memoryBytes
        seconds = counts.seconds
    }

    /// A table of kernels, and what they come to.
    var text: String {
        var table = TextTable(["party 0's kernels", "launches", "memory bytes", "work", "milliseconds"])
        func add(_ name: String, _ launches: Int, _ bytes: Int, _ work: String, _ seconds: Double) {
            table.add([name, launches.grouped, bytes.grouped, work, (seconds * 1000).fixed(3)])
        }
        for kernel in kernels {
            add(
                kernel.name,
                kernel.launches,
                kernel.memoryBytes,
                "\(kernel.amount.grouped) \(kernel.unit)",
                kernel.seconds
            )
        }
        add("(copies to the device)", up.copies, up.bytes, "", up.seconds)
        add("(copies to the host)", down.copies, down.bytes, "", down.seconds)
        let totals = [
            ("device", "\(name) (\(library))"),
            ("kernel calls", launches.grouped),
            ("bytes in its memory", memoryBytes.grouped),
            ("bytes up, down", "\(up.bytes.grouped), \(down.bytes.grouped)"),
            (
                "multiplications modulo 2^64",
                "\(ringMultiplications.grouped) word by word, \(residueMultiplications.grouped) by residues"
            ),
            ("blocks of AES", aesBlocks.grouped),
            ("its memory, at most", "\(heldMemoryBytes.asMemory) of \(deviceMemoryBytes.asMemory)"),
            ("the device's seconds", seconds.fixed(4)),
        ]
        return table.text + "\n\n" + TextTable.list(totals)
    }
}
