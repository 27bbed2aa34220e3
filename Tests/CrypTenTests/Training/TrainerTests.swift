import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing

/// Steps on batches of what is masked once.
@Suite("Data sets and steps on them")
struct TrainerTests {
    static func network() -> Sequential {
        Sequential {
            Linear(6, 8)
            ReLU()
            Dropout(0.25)
            Linear(8, 3)
        }
    }

    static func examples(_ count: Int, seed: UInt64 = 1) -> (x: Tensor, labels: Tensor) {
        var state = seed
        var x: [Double] = []
        for _ in 0..<count * 6 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            x.append(Double(state >> 40) / Double(1 << 24) * 2 - 1)
        }
        let labels = (0..<count).flatMap { row -> [Double] in
            let scores = [x[row * 6], x[row * 6 + 1], x[row * 6 + 2]]
            return scores.map { $0 == scores.max() ? 1 : 0 }
        }
        return (Tensor(x, shape: [count, 6]), Tensor(labels, shape: [count, 3]))
    }

    @Test(
        "a long training with Adam, changing rates and dropout has one plan for its steps, one for an uneven batch and one for tests",
        arguments: [2, 3]
    )
    func plans(parties: Int) async throws {
        let (x, labels) = Self.examples(44)
        let told = try await withLocalParties(parties) { session -> (spent: [SessionStatistics], losses: [Double]) in
            var network = Self.network()
            try await session.initialize(&network, owner: .party(1), seed: 3)
            let data = try await TensorDataset(
                try await session.input(from: .party(0)) { x },
                try await session.input(from: .party(1)) { labels },
                on: session
            )
            var trainer = Trainer(network, Adam(learningRate: 0.02)) { model, batch in
                crossEntropy(model(batch[0]), labels: batch[1])
            }
            try await trainer.begin(on: session)
            var (spent, losses): ([SessionStatistics], [Double]) = ([], [])
            let order = BatchOrder(count: data.count, batchSize: 8, seed: 5)
            #expect(order.batchesPerEpoch == 6)
            for epoch in 0..<5 {
                for rows in order.batches(ofEpoch: epoch) {
                    // A rate of its own for each step.
                    trainer.optimizer.learningRate = 0.02 / (1 + Double(losses.count) / 10)
                    let before = try await session.statistics
                    losses.append(try await trainer.step(on: data[rows], session, revealingLossTo: .all)!)
                    spent.append(try await session.statistics - before)
                }
                let before = try await session.statistics
                _ = try await session.reveal(trainer.model.eval()(data.tensors[0]).argmax(axis: 1), to: .all)
                spent.append(try await session.statistics - before)
            }
            return (spent, losses)
        }
        for (spent, losses) in told {
            // Of seven: five batches of 8, one of 4, one test.
            for (index, one) in spent.enumerated() {
                let first = spent[index % 7 == 5 ? 5 : index % 7 == 6 ? 6 : 1]
                let isNew = index == 0 || index == 5 || index == 6
                // The optimiser begins to remember in a run of its own.
                #expect(one.plans == (index == 0 ? 2 : isNew ? 1 : 0), "run \(index)")
                if index > 0 {
                    #expect(one.rounds == first.rounds && one.onlineBytes == first.onlineBytes, "run \(index)")
                }
            }
            let (early, late): (Double, Double) = (losses.prefix(6).reduce(0, +), losses.suffix(6).reduce(0, +))
            #expect(late < early, "\(losses)")
        }
    }

    @Test("rows and columns of several parties are one data set, whose batches are those of the whole")
    func joins() async throws {
        let (x, labels) = Self.examples(10)
        @Sendable func part(_ rows: Range<Int>, _ columns: Range<Int>) -> Tensor {
            let numbers: [Double] = rows.flatMap { row in columns.map { x.doubles[row * 6 + $0] } }
            return Tensor(numbers, shape: [rows.count, columns.count])
        }
        let told = try await withLocalParties(3) { session -> [Tensor]? in
            let (left, right) = (part(0..<10, 0..<2), part(0..<10, 2..<6))
            let columns = joined(columns: [
                try await session.input(from: .party(0)) { left }, try await session.input(from: .party(1)) { right },
            ])
            let (top, bottom) = (part(0..<3, 0..<6), part(3..<10, 0..<6))
            let rows = joined(rows: [
                try await session.input(from: .party(1)) { top }, try await session.input(from: .party(2)) { bottom },
            ])
            let classes = try await session.input(from: .party(2)) { labels }
            let data = try await TensorDataset(columns, rows, classes, on: session)
            let batch = data[[9, 2, 3]]
            let told = try await session.reveal(batch.map { $0 * 1.0 }, to: .all)
            try await data.release(on: session)
            return told
        }
        let wanted: [Double] = [9, 2, 3].flatMap { (row: Int) -> [Double] in Array(x.doubles[row * 6..<row * 6 + 6]) }
        let chosen: [Double] = [9, 2, 3].flatMap { (row: Int) -> [Double] in
            Array(labels.doubles[row * 3..<row * 3 + 3])
        }
        for tensors in told {
            for tensor in tensors![0..<2] {
                let distance = zip(tensor.doubles, wanted).map { abs($0 - $1) }.max() ?? 1
                #expect(distance < 1e-4)
            }
            #expect(tensors![2].doubles == chosen)
        }
        let error = await #expect(throws: CrypTenError.self) {
            try await withLocalParties(2) { session in
                let one = try await session.input(from: .party(0)) { part(0..<3, 0..<6) }
                let other = try await session.input(from: .party(1)) { part(0..<4, 0..<6) }
                _ = try await TensorDataset(one, other, on: session)
            }
        }
        #expect(error?.code == .shapeMismatch)
    }

    @Test("orders see each row once an epoch, differ between epochs and seeds, and are the same everywhere")
    func orders() {
        let order = BatchOrder(count: 23, batchSize: 5, seed: 7)
        let epochs = (0..<3).map { order.batches(ofEpoch: $0) }
        for batches in epochs {
            #expect(batches.map(\.count) == [5, 5, 5, 5, 3])
            #expect(batches.joined().sorted() == Array(0..<23))
        }
        #expect(epochs[0] != epochs[1] && epochs[1] != epochs[2])
        #expect(order.batches(ofEpoch: 1) == epochs[1])
        #expect(BatchOrder(count: 23, batchSize: 5, seed: 8).batches(ofEpoch: 0) != epochs[0])
        let short = BatchOrder(count: 23, batchSize: 5, seed: 7, dropsLast: true)
        #expect(short.batches(ofEpoch: 0) == Array(epochs[0].prefix(4)) && short.batchesPerEpoch == 4)
        #expect(BatchOrder(count: 4, batchSize: 9, seed: nil).batches(ofEpoch: 2) == [[0, 1, 2, 3]])
        // Known: orders that were begun go on with another version.
        #expect(BatchOrder(count: 8, batchSize: 8, seed: 1).batches(ofEpoch: 0) == [[4, 1, 7, 5, 3, 0, 6, 2]])
    }

    @Test("a parameter without a gradient, and shapes that don't fit, are found before anything is sent")
    func checks() async throws {
        let (x, labels) = Self.examples(8)
        let found = try await withLocalParties(2) { session -> (errors: [CrypTenError], bytes: Int) in
            var network = Sequential {
                Linear(6, 3)
                Lambda { $0.argmax(axis: 1).toReal() }
            }
            try await session.initialize(&network, owner: .party(1), seed: 3)
            let before = try await session.statistics.onlineBytes
            let batch = [
                try await session.input(from: .party(0)) { x }, try await session.input(from: .party(1)) { labels },
            ]
            var errors: [CrypTenError] = []
            let ended = Trainer(network, SGD(learningRate: 0.1)) { model, batch in model(batch[0]).mean() }
            let unfit = Trainer(network, SGD(learningRate: 0.1)) { model, batch in model(batch[1]).mean() }
            for trainer in [ended, unfit] {
                do { try trainer.check(on: batch) } catch let error as CrypTenError { errors.append(error) }
            }
            return (errors, try await session.statistics.onlineBytes - before)
        }
        for (errors, bytes) in found {
            #expect(errors.map(\.code) == [.noGradient, .shapeMismatch])
            #expect(
                errors[0].message.contains("0.weight") && errors[0].message.contains("argmax"),
                "\(errors[0].message)"
            )
            #expect(bytes == 0)
        }
    }
}
