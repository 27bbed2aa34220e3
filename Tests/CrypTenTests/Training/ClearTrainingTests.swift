import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing

@Suite("Training in the clear, beside training in secret")
struct ClearTrainingTests {
    static func network() -> Sequential {
        Sequential {
            Linear(6, 8)
            BatchNorm1d(8)
            ReLU()
            Linear(8, 3)
        }
    }

    @Test(
        "from one seed, steps in the clear have the losses, parameters and buffers of secret ones",
        arguments: ["SGD", "Adam"]
    )
    func steps(optimizer name: String) async throws {
        let (x, labels) = TrainerTests.examples(24)
        @Sendable func trainer(_ model: Sequential) throws -> Trainer<Sequential> {
            let optimizer: any Optimizer =
                name == "SGD" ? SGD(learningRate: 0.1, momentum: 0.9, weightDecay: 0.01) : Adam(learningRate: 0.02)
            var trainer = Trainer(model, optimizer) { model, batch in crossEntropy(model(batch[0]), labels: batch[1]) }
            trainer.schedule = try StepLR(learningRate: name == "SGD" ? 0.1 : 0.02, stepSize: 4, gamma: 0.5)
            return trainer
        }
        let order = BatchOrder(count: 24, batchSize: 8, seed: 5)
        var first = Self.network()
        try first.initializeInTheClear(seed: 3)
        var plain = try trainer(first)
        var losses: [Double] = []
        let rows = (CrypTensor(constant: x), CrypTensor(constant: labels))
        for epoch in 0..<3 {
            for batch in order.batches(ofEpoch: epoch) {
                losses.append(try plain.stepInTheClear(on: [rows.0.rows(batch), rows.1.rows(batch)]))
            }
        }
        let after = plain
        let clear = try valuesInTheClear(of: after.model.stateTree.map(\.tensor))
        let given = first
        let told = try await withLocalParties(2) { session -> (losses: [Double], state: [Tensor]) in
            var network = Self.network()
            try await session.initialize(&network, owner: .party(1), seed: 3)
            let shared = try await given.shared(from: .party(1), on: session)
            let both = Array(network.stateTree) + Array(shared.stateTree)
            let firsts = try await session.reveal(both.map { $0.tensor }, to: .all) ?? []
            let half = firsts.count / 2
            #expect(half > 6 && Array(firsts[..<half]) == Array(firsts[half...]))
            let data = try await TensorDataset(
                try await session.input(from: .party(0)) { x },
                try await session.input(from: .party(1)) { labels },
                on: session
            )
            var secret = try trainer(shared)
            try await secret.begin(on: session)
            var losses: [Double] = []
            for epoch in 0..<3 {
                for rows in order.batches(ofEpoch: epoch) {
                    losses.append(try await secret.step(on: data[rows], session, revealingLossTo: .all) ?? .nan)
                }
            }
            return (losses, try await session.reveal(secret.model.stateTree.map { $0.tensor }, to: .all) ?? [])
        }
        for (found, state) in told {
            #expect(zip(found, losses).allSatisfy { abs($0 - $1) < 2e-3 }, "\(found) and \(losses)")
            #expect(state.count == clear.count)
            for (secret, plain) in zip(state, clear) {
                let distance = zip(secret.doubles, plain.doubles).map { abs($0 - $1) }.max() ?? 1
                #expect(distance < 5e-3)
            }
        }
        #expect(losses[8] < losses[0])
    }

    /// A parameter, whose product with given numbers has those as its gradient.
    struct Parameters: CompositeModule {
        var values: Parameter
        static var children: [Child<Self>] { [Child("values", \.values)] }
    }

    @Test("a trainer's steps in the clear are PyTorch's, within 10⁻⁹ and what ε is")
    func pytorch() throws {
        let cases = try OptimizerStepTests.comparable()
        try #require(cases.count > 4)
        for (item, optimizer) in cases {
            let shape: Shape = [item.parameters.count]
            let model = Parameters(values: Parameter("values", shape.dimensions, .zeros))
            var trainer = Trainer(model, optimizer) { model, batch in (model.values.tensor * batch[0]).sum() }
            trainer.model.values.tensor = CrypTensor(constant: Tensor(item.parameters, shape: shape))
            var found: [[Double]] = []
            for gradient in item.gradients {
                try trainer.stepInTheClear(on: [CrypTensor(constant: Tensor(gradient, shape: shape))])
                found.append(try valuesInTheClear(of: [trainer.model.values.tensor])[0].doubles)
            }
            try OptimizerStepTests.compare(found, with: item) { element, steps in
                try 1e-9 + OptimizerStepTests.epsilonBound(of: item, element: element, after: steps)
            }
        }
    }

    @Test("what isn't a constant has no value in the clear, and the error names it")
    func refusals() async throws {
        let codes = try await withLocalParties(2) { session -> [CrypTenError] in
            let x = try await session.input(from: .party(0), name: "salaries") { Tensor([1.0], shape: [1]) }
            var errors: [CrypTenError] = []
            for expression in [
                x + 1,
                CrypTensor(constant: Tensor([1.0, 2], shape: [2]))
                    + CrypTensor(constant: Tensor([1.0, 2, 3], shape: [3])),
            ] {
                do { _ = try valuesInTheClear(of: [expression]) } catch let error as CrypTenError {
                    errors.append(error)
                }
            }
            return errors
        }
        #expect(codes[0].map(\.code) == [.invalidArgument, .shapeMismatch])
        #expect(codes[0][0].message.contains("isn't a constant"))
        let product = CrypTensor(constant: Tensor([1, 2, 3, 4], shape: [2, 2])).matmul(
            CrypTensor(constant: Tensor([1, -1], shape: [2, 1]))
        )
        #expect(try valuesInTheClear(of: [product, relu(product)]).map(\.doubles) == [[-1, -1], [0, 0]])
        var model = Self.network()
        #expect(throws: CrypTenError.self) { try valuesInTheClear(of: model.parameters.map(\.tensor)) }
        try model.initializeInTheClear(seed: 1)
        let named = model.parameters.names
        #expect(try valuesInTheClear(of: model.parameters.map(\.tensor)).count == named.count)
    }
}
