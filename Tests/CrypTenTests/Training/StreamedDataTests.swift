import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Foundation
import Testing

/// Steps on data of which a batch is masked at a time.
@Suite("Streamed data")
struct StreamedDataTests {
    /// Rows of a tensor in memory.
    struct Rows: RowSource {
        let tensor: Tensor

        var shape: Shape { tensor.shape }
        var kind: ElementKind { tensor.kind }

        func rows(_ rows: [Int]) throws -> Tensor { tensor.rows(rows) }
    }

    private static func network() -> Sequential {
        Sequential {
            Linear(6, 8)
            ReLU()
            Linear(8, 3)
        }
    }

    private static func trainer(on session: Session) async throws -> Trainer<Sequential> {
        var network = network()
        try await session.initialize(&network, owner: .party(1), seed: 3)
        var trainer = Trainer(network, SGD(learningRate: 0.2, momentum: 0.9)) { model, batch in
            crossEntropy(model(batch[0]), labels: batch[1])
        }
        try await trainer.begin(on: session)
        return trainer
    }

    private static func part(_ x: Tensor, _ rows: Range<Int>, _ columns: Range<Int>) -> Tensor {
        let numbers = rows.flatMap { row in columns.map { x.doubles[row * x.shape[1] + $0] } }
        return Tensor(numbers, shape: [rows.count, columns.count])
    }

    @Test(
        "steps on streamed data have the losses, rounds and plans of steps on kept data, and send 8 bytes an element of a batch more",
        arguments: [2, 3]
    )
    func steps(parties: Int) async throws {
        let (x, labels) = TrainerTests.examples(44)
        let order = BatchOrder(count: 44, batchSize: 8, seed: 5)
        let batches = (0..<3).flatMap { order.batches(ofEpoch: $0) }
        struct Run: Sendable {
            var spent: [SessionStatistics] = []
            var losses: [Double] = []
        }
        let told = try await withLocalParties(parties) { session -> (kept: Run, streamed: Run) in
            var runs = (kept: Run(), streamed: Run())
            let data = try await TensorDataset(
                try await session.input(from: .party(0)) { x },
                try await session.input(from: .party(1)) { labels },
                on: session
            )
            var trainer = try await Self.trainer(on: session)
            for rows in batches {
                let before = try await session.statistics
                runs.kept.losses.append(try await trainer.step(on: data[rows], session, revealingLossTo: .all)!)
                runs.kept.spent.append(try await session.statistics - before)
            }
            try await data.release(on: session)
            let examples = try await session.stream(from: .party(0)) { Rows(tensor: x) }
            let classes = try await session.stream(from: .party(1)) { Rows(tensor: labels) }
            var streamed = try await StreamedDataset([examples, classes], batches: batches, on: session)
            trainer = try await Self.trainer(on: session)
            while !streamed.isAtEnd {
                let before = try await session.statistics
                runs.streamed.losses.append(
                    try await trainer.step(on: &streamed, session, revealingLossTo: .all)!
                )
                runs.streamed.spent.append(try await session.statistics - before)
            }
            return runs
        }
        for (party, (kept, streamed)) in told.enumerated() {
            #expect(streamed.losses.count == kept.losses.count)
            for (one, other) in zip(streamed.losses, kept.losses) { #expect(abs(one - other) < 2e-3) }
            for (index, (one, other)) in zip(streamed.spent, kept.spent).enumerated() {
                #expect(one.rounds == other.rounds && one.runs - other.runs == 0, "step \(index)")
                // The optimiser begins in a run of its own, whose plan is known from the first training.
                #expect(one.plans == (index == 0 || index == 5 ? 1 : 0), "step \(index): \(one.plans) plans")
                let elements = party == 0 ? 8 * 6 : party == 1 ? 8 * 3 : 0
                let more = one.onlineBytes - other.onlineBytes
                #expect(more == 8 * elements * (parties - 1), "party \(party), step \(index): \(more)")
            }
        }
    }

    @Test("rows and columns of several parties are streamed as one, from wherever training goes on, at one size")
    func joins() async throws {
        let (x, labels) = TrainerTests.examples(30)
        let order = BatchOrder(count: 30, batchSize: 7, seed: 2)
        let batches = order.batches(ofEpoch: 0)
        let start = 1
        let told = try await withLocalParties(3) { session -> (batches: [[Tensor]], bytes: [Int], plans: [Int]) in
            let (left, right) = (Self.part(x, 0..<30, 0..<2), Self.part(x, 0..<30, 2..<6))
            let columns = try joined(columns: [
                try await session.stream(from: .party(0)) { Rows(tensor: left) },
                try await session.stream(from: .party(1)) { Rows(tensor: right) },
            ])
            let (top, bottom) = (Self.part(x, 0..<11, 0..<6), Self.part(x, 11..<30, 0..<6))
            let rows = try joined(rows: [
                try await session.stream(from: .party(1)) { Rows(tensor: top) },
                try await session.stream(from: .party(2)) { Rows(tensor: bottom) },
            ])
            let classes = try await session.stream(from: .party(2)) { Rows(tensor: labels) }
            #expect(columns.shape == [30, 6] && rows.shape == [30, 6])
            var data = try await StreamedDataset([columns, rows, classes], batches: batches, from: start, on: session)
            // A network's steps are another test's: here a step is a single weight's.
            var weight = Sequential { Linear(6, 1) }
            try await session.initialize(&weight, owner: .party(0), seed: 1)
            var trainer = Trainer(weight, SGD(learningRate: 0.01)) { model, batch in
                (model(batch[0]) - model(batch[1])).square().mean() + batch[2].mean()
            }
            try await trainer.begin(on: session)
            var (told, bytes, plans): ([[Tensor]], [Int], [Int]) = ([], [], [])
            while !data.isAtEnd {
                told.append(try await session.reveal(data.batch().map { $0 * 1.0 }, to: .all)!)
                let before = try await session.statistics
                _ = try await trainer.step(on: &data, session)
                let spent = try await session.statistics - before
                bytes.append(spent.onlineBytes)
                plans.append(spent.plans)
            }
            return (told, bytes, plans)
        }
        for (tensors, bytes, plans) in told {
            #expect(tensors.count == batches.count - start)
            for (told, rows) in zip(tensors, batches.dropFirst(start)) {
                for tensor in told[0..<2] {
                    let wanted = x.rows(rows)
                    #expect(tensor.shape == wanted.shape)
                    #expect(zip(tensor.doubles, wanted.doubles).allSatisfy { abs($0 - $1) < 1e-4 })
                }
                #expect(told[2].doubles == labels.rows(rows).doubles)
            }
            // Batches of 7, 7, 7 and 2 rows: two plans, and the first ones send as much each.
            #expect(plans == [1, 0, 0, 1] && bytes[1] == bytes[0] && bytes[2] == bytes[0], "\(plans) \(bytes)")
        }
    }

    // MARK: Files

    private static func scratch(_ name: String) -> URL {
        FileManager.default.temporaryDirectory.appendingPathComponent("crypten-stream-\(getpid())-\(name)")
    }

    @Test("of a file larger than any memory only the rows that are asked for are read")
    func sparse() throws {
        let url = Self.scratch("sparse.npy")
        defer { try? FileManager.default.removeItem(at: url) }
        // 2²⁰ rows of 2¹⁶ bytes, 64 GiB, of which the disk has the pages that are written here.
        let (rows, columns) = (1 << 20, 1 << 14)
        var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(rows), \(columns)), }"
        header += String(repeating: " ", count: 117 - header.utf8.count) + "\n"
        var bytes = Data([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, UInt8(header.utf8.count), 0])
        bytes.append(contentsOf: Array(header.utf8))
        try bytes.write(to: url)
        let file = try FileHandle(forUpdating: url)
        try file.truncate(atOffset: UInt64(bytes.count + rows * columns * 4))
        for row in [3, 700_000, 700_001] {
            try file.seek(toOffset: UInt64(bytes.count + row * columns * 4))
            try file.write(contentsOf: withUnsafeBytes(of: Float(row).bitPattern.littleEndian) { Data($0) })
        }
        try file.close()
        let source = try NumpyRows(url)
        #expect(source.shape == [rows, columns] && source.kind == .real)
        let read = try source.rows([700_000, 700_001, 3, 700_000, rows - 1])
        #expect(read.shape == [5, columns])
        let firsts = (0..<5).map { read.doubles[$0 * columns] }
        #expect(firsts == [700_000, 700_001, 3, 700_000, 0])
        #expect(throws: CrypTenError.self) { try source.rows([rows]) }
    }

    @Test("rows of every type are those that reading the whole file gives")
    func types() throws {
        let url = Self.scratch("types.npy")
        defer { try? FileManager.default.removeItem(at: url) }
        let shape: Shape = [5, 2, 3]
        let tensors: [Tensor] = [
            Tensor(.float((0..<30).map { Float($0) / 4 }), shape: shape),
            Tensor(.double((0..<30).map { Double($0) / 3 }), shape: shape),
            Tensor(.int32((0..<30).map { Int32($0) - 9 }), shape: shape),
            Tensor(.int64((0..<30).map { Int64($0) << 40 }), shape: shape),
            Tensor(.bool((0..<30).map { $0 % 3 == 0 }), shape: shape),
        ]
        for tensor in tensors {
            try tensor.write(toNumpyFile: url)
            let source = try NumpyRows(url)
            for rows in [[0], [4, 3, 2], [1, 2, 3, 1], Array(0..<5), []] {
                #expect(try source.rows(rows) == tensor.rows(rows))
            }
        }
    }

    @Test("files that can't be streamed are refused by name, and numbers that can't be used by row")
    func wrongFiles() throws {
        let url = Self.scratch("wrong.npy")
        defer { try? FileManager.default.removeItem(at: url) }
        func problem(_ bytes: Data, limit: Double = .infinity, rows: [Int] = [0]) throws -> CrypTenError? {
            try bytes.write(to: url)
            return #expect(throws: CrypTenError.self) { _ = try NumpyRows(url, below: limit).rows(rows) }
        }
        var numbers = (0..<12).map(Double.init)
        numbers[7] = .nan
        let whole = Tensor(numbers, shape: [4, 3]).numpyFileBytes
        let cut = try problem(whole.dropLast(8))
        #expect(cut?.code == .malformedFile && cut?.message.contains("wrong.npy") == true)
        #expect(try problem(whole + Data([0]))?.code == .malformedFile)
        #expect(try problem(Data())?.code == .malformedFile)
        let turned = String(decoding: whole.prefix(128), as: UTF8.self)
        #expect(turned.contains("False"))
        var fortran = whole
        let place = fortran.range(of: Data("False".utf8))!
        fortran.replaceSubrange(place, with: Data("True ".utf8))
        #expect(try problem(fortran)?.message.contains("Fortran") == true)
        let nan = try problem(whole, rows: [3, 2])
        #expect(nan?.code == .outOfRange && nan?.message.contains("row 2") == true, "\(nan?.message ?? "")")
        let large = try problem(whole, limit: 10, rows: [0, 3])
        #expect(large?.code == .outOfRange && large?.message.contains("row 3") == true)
        try FileManager.default.removeItem(at: url)
        #expect(throws: CrypTenError.self) { _ = try NumpyRows(url) }
    }

    @Test("a file that is cut while training runs is named with its row at its owner, and ends training for all")
    func cut() async throws {
        let url = Self.scratch("cut.npy")
        defer { try? FileManager.default.removeItem(at: url) }
        let (x, labels) = TrainerTests.examples(20)
        try x.write(toNumpyFile: url)
        let size = try FileManager.default.attributesOfItem(atPath: url.path)[.size] as! Int
        let batches = (0..<5).map { Array($0 * 4..<$0 * 4 + 4) }
        var configuration = SessionConfiguration()
        configuration.patience = .seconds(20)
        let errors = ErrorBox()
        let failure = await #expect(throws: CrypTenError.self) {
            try await withLocalParties(2, configuration: configuration) { session in
                do {
                    let examples = try await session.stream(from: .party(0)) { try NumpyRows(url) }
                    let classes = try await session.stream(from: .party(1)) { Rows(tensor: labels) }
                    var data = try await StreamedDataset([examples, classes], batches: batches, on: session)
                    var trainer = try await Self.trainer(on: session)
                    while !data.isAtEnd {
                        // Rows 0 to 13 are left: of the fourth batch two.
                        if data.position == 1, session.party.index == 0 {
                            let file = try FileHandle(forUpdating: url)
                            try file.truncate(atOffset: UInt64(size - 6 * 6 * 8))
                            try file.close()
                        }
                        _ = try await trainer.step(on: &data, session)
                    }
                } catch let error as CrypTenError {
                    errors.add(error, of: session.party.index)
                    throw error
                }
            }
        }
        #expect(failure?.code == .malformedFile)
        let told = errors.all
        #expect(told[0]?.code == .malformedFile)
        #expect(told[0]?.message.contains("cut.npy") == true && told[0]?.message.contains("row 14") == true)
        #expect(told[1]?.code == .partyFailed)
        #expect(told[1]?.message.contains("cut.npy") == false)
    }

    @Test("data sets whose parts don't fit are refused before anything is sent")
    func misfits() async throws {
        let (x, labels) = TrainerTests.examples(8)
        let told = try await withLocalParties(2) { session -> [CrypTenError.Code] in
            let one = try await session.stream(from: .party(0)) { Rows(tensor: x) }
            let two = try await session.stream(from: .party(1)) { Rows(tensor: labels) }
            let short = try await session.stream(from: .party(1)) { Rows(tensor: x.rows([0, 1, 2])) }
            var codes: [CrypTenError.Code] = []
            func note(_ body: () async throws -> Void) async {
                do { try await body() } catch let error as CrypTenError { codes.append(error.code) } catch {}
            }
            await note { _ = try joined(rows: [one, two]) }
            await note { _ = try joined(columns: [one, short]) }
            await note { _ = try joined(rows: [try joined(rows: [one, short]), one]) }
            await note { _ = try await StreamedDataset([one, short], batches: [[0]], on: session) }
            await note { _ = try await StreamedDataset([one], batches: [[0], [8]], on: session) }
            await note { _ = try await StreamedDataset([one], batches: [[0]], from: 2, on: session) }
            let spent = try await session.statistics
            #expect(spent.onlineBytes + spent.setupBytes == 0)
            return codes
        }
        for codes in told {
            #expect(
                codes == [
                    .shapeMismatch, .shapeMismatch, .invalidArgument, .shapeMismatch, .invalidArgument,
                    .invalidArgument,
                ]
            )
        }
    }
}

/// Errors of parties that are threads of this process.
private final class ErrorBox: @unchecked Sendable {
    // Every access is under the lock.
    private let lock = NSLock()
    private var errors: [Int: CrypTenError] = [:]

    func add(_ error: CrypTenError, of party: Int) {
        lock.withLock { errors[party] = error }
    }

    var all: [Int: CrypTenError] {
        lock.withLock { errors }
    }
}
