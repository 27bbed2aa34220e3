import CrypTen
import Testing

@Suite("Modules between parties")
struct ModuleSessionTests {
    private static func network() -> Sequential {
        Sequential {
            Conv2d(1, 2, kernelSize: 3, padding: 1, bias: false)
            BatchNorm2d(2)
            ReLU()
            MaxPool2d(2)
            Flatten()
            Linear(8, 3)
        }
    }

    @Test(
        "Three steps of a network with batch normalisation, and its evaluation, are PyTorch's within the fixed point",
        arguments: [2, 3]
    )
    func steps(parties: Int) async throws {
        let item = try #require(ModuleCase.all.first { $0.module == "Sequential" && $0.buffers.count == 3 })
        let answers = try await withLocalParties(parties) { session -> [[Tensor]] in
            var model = Self.network()
            var tree = ParameterTree()
            for given in item.parameters + item.buffers {
                let tensor = given.tensor
                tree[given.name] = try await session.input(from: .party(1), shape: tensor.shape, kind: tensor.kind) {
                    tensor
                }
            }
            try model.load(ParameterTree(zip(tree.names, try await session.hold(tree.map(\.tensor))).map { ($0, $1) }))
            var answers: [[Tensor]] = []
            for step in item.steps {
                model = model.training(step.mode == "training")
                let image = step.inputs[0].tensor
                let x = try await session.input(from: .party(0)) { image }
                let (scores, buffers) = withRecordedState(of: model) { model(x) }
                let kept = try await session.evaluate([scores] + buffers.map(\.tensor))
                model.buffers = ParameterTree(zip(buffers.names, kept.dropFirst()).map { ($0, $1) })
                answers.append(try #require(try await session.reveal(kept, to: .all)))
            }
            return answers
        }
        for answer in answers {
            #expect(answer == answers[0])
            for (tensors, step) in zip(answer, item.steps) {
                let names = ["output", "1.running_mean", "1.running_var", "1.num_batches_tracked"]
                for (name, tensor) in zip(names, tensors) {
                    let expected = try #require(step.buffers[name] ?? step.outputs.first { $0.name == name }?.values)
                    let worst = zip(tensor.doubles, expected).map { abs($0 - $1) }.max() ?? .infinity
                    #expect(worst < (name == "output" ? 1e-3 : 2e-4), "\(name): \(worst)")
                }
                #expect(tensors[3].integers == step.buffers["1.num_batches_tracked"]?.map { Int64($0) })
            }
        }
    }

    @Test("An owner's seed decides the first values, which come from the stated distributions; without one they differ")
    func owner() async throws {
        let answers = try await withLocalParties(2) { session -> [[Tensor]] in
            var all: [[Tensor]] = []
            for seed in [7, 7, nil] as [UInt64?] {
                var model = Self.network()
                // The seed is the owner's: what another party says is not read.
                try await session.initialize(
                    &model,
                    owner: .party(1),
                    seed: session.party == .party(1) ? seed : seed.map { _ in 99 }
                )
                let state = model.stateTree
                #expect(state.names == model.specifications.map(\.name))
                #expect(state.allSatisfy { $0.tensor.visibility == .secret })
                all.append(try #require(try await session.reveal(state.map(\.tensor), to: .all)))
                // 54 numbers, 8 bytes each, counted as setup.
                let bytes = try await session.statistics.setupBytes
                #expect(session.party != .party(1) || bytes >= 432 * all.count)
            }
            return all
        }
        #expect(answers[0] == answers[1])
        let (first, again, other) = (answers[0][0], answers[0][1], answers[0][2])
        #expect(first == again)
        #expect(first[0] != other[0])
        // 0.weight, 1.weight, 1.bias, 1.running_mean, 1.running_var, 1.num_batches_tracked, 5.weight, 5.bias.
        #expect(first[0].doubles.allSatisfy { abs($0) <= 1.0 / 3 + 0x1p-16 })
        #expect(first[1].doubles == [1, 1] && first[2].doubles == [0, 0])
        #expect(first[3].doubles == [0, 0] && first[4].doubles == [1, 1] && first[5].integers == [0])
        #expect((first[6].doubles + first[7].doubles).allSatisfy { abs($0) <= 1 / 8.0.squareRoot() + 0x1p-16 })
        #expect(Set(first[6].doubles).count > 20)
    }

    @Test("First values that no party knows lie in their ranges, with the means and deviations that they should have")
    func everyone() async throws {
        let answers = try await withLocalParties(2) { session -> [Tensor] in
            var model = Sequential {
                Embedding(50, 40, paddingIndex: 3)
                Linear(40, 50)
                LayerNorm(50)
            }
            try await session.initialize(&model, drawnBy: .everyone)
            return try #require(try await session.reveal(model.stateTree.map(\.tensor), to: .all))
        }
        #expect(answers[0] == answers[1])
        let (table, weight) = (answers[0][0].doubles, answers[0][1].doubles)
        #expect(table[120..<160].allSatisfy { $0 == 0 })
        let drawn = Array(table[..<120] + table[160...])
        #expect(drawn.allSatisfy { abs($0) <= 4.72 })
        // 1,960 numbers: five deviations of the mean and of the deviation.
        let mean = drawn.reduce(0, +) / 1960
        let deviation = (drawn.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 1960).squareRoot()
        #expect(abs(mean) < 0.113)
        #expect(abs(deviation - 1) < 0.08)
        let bound = 1 / 40.0.squareRoot()
        #expect(weight.allSatisfy { abs($0) <= bound + 0x1p-14 })
        #expect((weight.max() ?? 0) > 0.95 * bound && (weight.min() ?? 0) < -0.95 * bound)
        #expect(abs(weight.reduce(0, +) / 2000) < 5 * bound / 3.0.squareRoot() / 2000.0.squareRoot())
        #expect(answers[0][3].doubles.allSatisfy { $0 == 1 } && answers[0][4].doubles.allSatisfy { $0 == 0 })
    }

    @Test(
        "Orthogonal weights that nobody knows are refused by name, before anything is sent, and the model stays as it was"
    )
    func refusedInSecret() async throws {
        let messages = try await withLocalParties(2) { session -> [String] in
            var messages: [String] = []
            for initializer in [Initializer.orthogonal(), .truncatedNormal()] {
                var model = Sequential { Linear(4, 4).initializing("weight", initializer) }
                do {
                    try await session.initialize(&model, drawnBy: .everyone)
                } catch let error as CrypTenError {
                    messages.append(error.message)
                }
                #expect(model.parameters["0.weight"]?.error != nil)
                try await session.initialize(&model, owner: .party(0))
                #expect(model.parameters["0.weight"]?.error == nil)
            }
            var broken = Sequential { Linear(-4, 4) }
            do { try await session.initialize(&broken, owner: .party(0)) } catch let error as CrypTenError {
                messages.append(error.message)
            }
            var wide = VisionTransformer(imageSize: 8, patchSize: 4, layers: 1, heads: 1, width: 4, feedForwardWidth: 4)
            try await session.initialize(&wide, drawnBy: .dealer)
            #expect(wide.stateTree.allSatisfy { $0.tensor.error == nil })
            return messages
        }
        for messages in messages {
            #expect(messages.count == 3)
            #expect(messages[0].contains("'0.weight'") && messages[0].contains("orthogonal"))
            #expect(messages[1].contains("'0.weight'") && messages[1].contains("4.70964"))
            #expect(messages[2].contains("Linear"))
        }
    }

    @Test("Dropout between parties keeps a share of the elements, times its reciprocal; evaluation keeps all")
    func dropout() async throws {
        let answers = try await withLocalParties(2) { session -> [Tensor] in
            let x = try await session.input(from: .party(0)) {
                Tensor([Double](repeating: 1.5, count: 4096), shape: [64, 64])
            }
            let layer = Dropout(0.25)
            let first = try #require(try await session.reveal([layer(x), layer.eval()(x)], to: .all))
            // The same expression made anew draws anew.
            return first + [try #require(try await session.reveal(layer(x), to: .all))]
        }
        #expect(answers[0] == answers[1])
        for tensor in [answers[0][0], answers[0][2]] {
            let kept = tensor.doubles.filter { $0 != 0 }
            #expect(kept.allSatisfy { abs($0 - 2) < 1e-4 })
            // Of 4,096 with probability 3/4: five deviations are 139.
            #expect(abs(kept.count - 3072) < 139)
        }
        #expect(answers[0][0] != answers[0][2])
        #expect(answers[0][1].doubles.allSatisfy { $0 == 1.5 })
    }

    @Test(
        "A transformer's layer, a recurrent network and secret words, within the fixed point",
        arguments: ["TransformerEncoderLayer", "LSTM", "Embedding"]
    )
    func sequences(module: String) async throws {
        let item = try #require(ModuleCase.all.first { $0.module == module })
        let answers = try await withLocalParties(2) { session -> [Tensor] in
            var subject = try item.make()
            var tree = ParameterTree()
            for given in item.parameters {
                let tensor = given.tensor
                tree[given.name] = try await session.input(from: .party(1)) { tensor }
            }
            try subject.module.load(tree)
            let tensor = item.steps[0].inputs[0].tensor
            let x = try await session.input(from: .party(0)) { tensor }
            return try #require(try await session.reveal(subject.outputs(subject.module, [x]), to: .all))
        }
        #expect(answers[0] == answers[1])
        for (tensor, expected) in zip(answers[0], item.steps[0].outputs) {
            let worst = zip(tensor.doubles, expected.values).map { abs($0 - $1) }.max() ?? .infinity
            #expect(tensor.shape == Shape(expected.shape))
            #expect(worst < 2e-3, "\(expected.name): \(worst)")
        }
    }
}
