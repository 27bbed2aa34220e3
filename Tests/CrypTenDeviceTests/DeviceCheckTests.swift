import CrypTenBase
import CrypTenDevice
import CrypTenRing
import Testing

@Suite("The check of a device", .enabled(if: !usable.isEmpty, "OpenCL finds no device on this machine"))
struct DeviceCheckTests {
    private static func rows(_ queue: any DeviceQueue) throws -> [DeviceCheck.Row] {
        var rows: [DeviceCheck.Row] = []
        var started: [String] = []
        try DeviceCheck(queue, extent: .short, threads: 2).run(
            starting: { started.append($0) },
            ended: { rows.append($0) }
        )
        #expect(started == rows.map(\.name))
        return rows
    }

    @Test("finds nothing on devices that are right, in any family of methods")
    func right() throws {
        for queue in try queues.get() {
            let rows = try Self.rows(queue)
            #expect(rows.count == 20)
            #expect(Set(rows.map(\.name)).count == rows.count)
            for row in rows {
                #expect(row.words > 100, "\(row.name)")
                #expect(row.differing == 0 && row.difference == nil, "\(row.name): \(row.difference ?? "")")
            }
        }
    }

    /// An error in a kernel, and in which rows it shows.
    static let errors: [(right: String, wrong: String, rows: [String])] = [
        (
            "case OP_ADD_SCALAR: return a + p->s;", "case OP_ADD_SCALAR: return a + p->s + (a >> 63);",
            ["sums, differences and products of elements"]
        ),
        (
            "case OP_SHIFT_LEFT: return a << (u32)p->s;", "case OP_SHIFT_LEFT: return a << ((u32)p->s & 31);",
            ["shifts and low bits"]
        ),
        (
            "case OP_KEEP_WHERE: return a & where;", "case OP_KEEP_WHERE: return a & (where | 1);",
            ["choices by bits, weights and truncations"]
        ),
    ]

    @Test("names the family, the call and the first word of an error that is planted", arguments: errors)
    func wrong(right: String, wrong: String, rows: [String]) throws {
        try #require(KernelSource.text.contains(right))
        let source = KernelSource.text.replacing(right, with: wrong)
        let found = try Self.rows(try OpenCLQueue(usable[0], source: source)).filter { $0.differing > 0 }
        for name in rows {
            let row = try #require(found.first { $0.name == name })
            #expect(row.differing < row.words)
            #expect(row.difference?.contains(" in place of 0x") == true)
        }
    }

    @Test("ends where the device fails, and says in which family")
    func failure() throws {
        let source = KernelSource.text.replacing("KERNEL(pack, ", with: "KERNEL(packed, ")
        let queue = try OpenCLQueue(usable[0], source: source)
        var rows: [DeviceCheck.Row] = []
        #expect(
            performing: { try DeviceCheck(queue, extent: .short, threads: 1).run { rows.append($0) } },
            throws: { error in
                let error = error as? CrypTenError
                return error?.code == .deviceFailed && error?.message.hasPrefix("packing: ") == true
            }
        )
        #expect(rows.last?.name == "choices by bits, weights and truncations")
    }
}

@Suite("The benchmark of a device", .enabled(if: !usable.isEmpty, "OpenCL finds no device on this machine"))
struct DeviceBenchmarkTests {
    @Test("measures what a profile holds")
    func profile() throws {
        let queue = try queues.get()[0]
        let rows = Rows()
        let profile = try DeviceBenchmark(queue, extent: .short) { rows.add($0) }.run()
        #expect(profile.device == queue.deviceName && profile.library == "opencl")
        try profile.check()
        #expect((profile.roundSeconds ?? 0) > 0)
        #expect(profile.kernels.keys.sorted() == KernelName.allCases.map(\.rawValue).sorted())
        for name in ["boolean_program", "ring_product", "residue_product", "sum"] {
            #expect(profile.kernels[name]?.secondsEach != nil, "\(name)")
        }
        #expect(rows.all.count >= 40)
        #expect(rows.all.allSatisfy { ($0.figure ?? 0) > 0 && ["GB/s", "GMAC/s", "G/s", "µs"].contains($0.unit) })
    }

    /// Of one thread.
    private final class Rows: @unchecked Sendable {
        private(set) var all: [DeviceBenchmark.Row] = []

        func add(_ row: DeviceBenchmark.Row) {
            all.append(row)
        }
    }

    @Test(
        "has the design's estimates of the cards that it names, and of no others",
        arguments: [
            ("NVIDIA H200", 55), ("NVIDIA H100 80GB HBM3", 55), ("NVIDIA A100-SXM4-80GB", 17),
            ("NVIDIA GeForce RTX 4090", 18),
            ("NVIDIA GeForce RTX 5090", 23), ("NVIDIA L4", 6.7), ("NVIDIA L40S", nil), ("NVIDIA A10", nil),
            ("NVIDIA GeForce RTX 4090 Laptop GPU", nil), ("NVIDIA GeForce RTX 4090 D", nil),
            ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", nil),
            ("", nil),
        ] as [(String, Double?)]
    )
    func estimates(name: String, residues: Double?) {
        #expect(DeviceEstimates.of(name).map { $0.residueProducts / 1e12 } == residues)
    }
}
