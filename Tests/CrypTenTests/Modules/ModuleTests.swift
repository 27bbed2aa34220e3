import CrypTen
import CrypTenBase
import CrypTenExpressions
import Testing

/// A network of the documentation.
private struct Classifier: CompositeModule, Layer {
    var hidden = Linear(3, 4)
    var norm: BatchNorm1d? = BatchNorm1d(4)
    var scale = Parameter("scale", [2], .ones)
    var dropout = Dropout(0.5)
    var output = Linear(4, 2)

    static var children: [Child<Self>] {
        [
            Child("hidden", \.hidden), Child("norm", \.norm), Child("scale", \.scale), Child("dropout", \.dropout),
            Child("output", \.output),
        ]
    }

    func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        let inner = relu(hidden(x))
        return output(dropout(norm.map { $0(inner) } ?? inner)) * scale.tensor
    }
}

@Suite("Modules as values")
struct ModuleTests {
    private let clear = ClearEvaluator { _ in throw CrypTenError(.invalidArgument, "only constants") }

    private func value(_ tensor: CrypTensor) throws -> [Double] {
        try clear.evaluate([tensor.node])[0].doubles
    }

    @Test("A layer that isn't initialised says what to do, and where it was made")
    func uninitialised() {
        let layer = Conv2d(1, 16, kernelSize: 5)
        let error = layer(CrypTensor(constant: Tensor([Double](repeating: 0, count: 784), shape: [1, 1, 28, 28]))).error
        #expect(
            error?.message.hasPrefix(
                "Conv2d's weight isn't initialised: call session.initialize(&model, owner:) or load weights, at "
            ) == true
        )
        #expect(error?.message.contains("ModuleTests.swift") == true)
        #expect(layer.parameters["weight"]?.error != nil)
        #expect(layer.specifications.first?.shape == [16, 1, 5, 5])
    }

    @Test("Layers of numbers that can't be are errors that name them, and never crash")
    func wrongArguments() {
        let x = Secrets.tensor([2, 4, 8, 8])
        let layers: [(any Layer, String)] = [
            (Conv2d(4, 6, kernelSize: 3, groups: 3), "3 groups don't divide 4 and 6 channels"),
            (Conv2d(4, 4, kernelSize: 3, groups: 0), "from 1 on"), (Conv2d(-1, 4, kernelSize: 3), "from 1 on"),
            (ConvTranspose2d(4, .max, kernelSize: IntOrPair(.max)), "extents"), (Linear(-1, 2), "extents"),
            (GroupNorm(3, 4), "3 groups don't divide 4 channels"), (BatchNorm2d(0), "channels"),
            (MultiHeadAttention(4, heads: 3), "3 heads don't divide width 4"), (LSTM(.max, .max), "from 1 on"),
            (Embedding(3, 2, paddingIndex: 3), "no row 3 of 3"), (PReLU(0), "0 slopes"),
        ]
        for (layer, text) in layers {
            let error = layer.parameters.first?.tensor.error
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains(text) == true, "\(error?.message ?? "none")")
            #expect(layer(x).error != nil)
        }
        let others: [any Layer] = [
            Dropout(1), Dropout(.nan), Upsample(scaleFactor: 0), GLU(axis: 7), Flatten(startAxis: 3, endAxis: 1),
            AdaptiveAvgPool1d(2), AdaptiveAvgPool2d([1]), LayerNorm([3], affine: false), PositionalEncoding(3),
            BatchNorm1d(4, affine: false, trackRunningStatistics: false),
        ]
        for layer in others { #expect(layer(x).error != nil, "\(layer)") }
    }

    @Test("Names of a composite's state, with its own parameter and without a part")
    func composite() {
        var model = Classifier()
        let names = [
            "hidden.weight", "hidden.bias", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var",
            "norm.num_batches_tracked", "scale", "output.weight", "output.bias",
        ]
        #expect(model.specifications.map(\.name) == names)
        #expect(model.stateTree.names == names)
        #expect(model.parameters.names == names.filter { !$0.contains("running") && !$0.contains("tracked") })
        #expect(model.buffers.names == ["norm.running_mean", "norm.running_var", "norm.num_batches_tracked"])
        model.norm = nil
        #expect(model.parameters.names == ["hidden.weight", "hidden.bias", "scale", "output.weight", "output.bias"])
        #expect(model.buffers.isEmpty)
    }

    @Test("What is loaded has the module's names and shapes, or nothing changes")
    func loading() throws {
        var model = Linear(2, 1)
        let weight = CrypTensor(constant: Tensor([2, 3] as [Double], shape: [1, 2]))
        let bias = CrypTensor(constant: Tensor([0.5], shape: [1]))
        func code(_ tree: ParameterTree, isPartial: Bool = false) -> CrypTenError.Code? {
            do { try model.load(tree, isPartial: isPartial) } catch { return (error as? CrypTenError)?.code }
            return nil
        }
        #expect(code(ParameterTree([("weight", weight)])) == .invalidArgument)
        #expect(code(ParameterTree([("weight", bias), ("bias", bias)])) == .shapeMismatch)
        #expect(code(ParameterTree([("weight", weight), ("bias", bias), ("gain", bias)])) == .invalidArgument)
        #expect(model.parameters["weight"]?.error != nil)
        #expect(code(ParameterTree([("weight", weight)]), isPartial: true) == nil)
        #expect(code(ParameterTree([("weight", weight), ("bias", bias)])) == nil)
        #expect(try value(model(CrypTensor(constant: Tensor([1, 10] as [Double], shape: [1, 2])))) == [32.5])
    }

    @Test("A block of lines, conditions and loops is a sequence with PyTorch's numbers, each a layer of cost reports")
    func builder() {
        func network(normalized: Bool) -> Sequential {
            Sequential {
                Linear(2, 3)
                if normalized { LayerNorm(3) }
                for _ in 0..<2 {
                    Linear(3, 3)
                    ReLU()
                }
                if normalized { Identity() } else { Tanh() }
                Residual({ Linear(3, 2) }, shortcut: { Linear(3, 2, bias: false) })
                Concatenating {
                    Identity()
                    Sequential { Linear(2, 4) }
                }
            }
        }
        #expect(
            network(normalized: true).parameters.names == [
                "0.weight", "0.bias", "1.weight", "1.bias", "2.weight", "2.bias", "4.weight", "4.bias",
                "7.body.0.weight", "7.body.0.bias", "7.shortcut.0.weight", "8.1.0.weight", "8.1.0.bias",
            ]
        )
        var plain = network(normalized: false)
        #expect(plain.layers.count == 8)
        plain.parameters = Secrets.tree(of: plain)
        let y = plain(Secrets.tensor([5, 2]))
        #expect(y.shape == [5, 6])
        #expect(Secrets.layers(of: y).isSuperset(of: ["0", "1", "6.body.0", "6.shortcut.0", "7.1.0"]))
    }

    @Test("Training and evaluation are values: one network in both at once")
    func modes() throws {
        var norm = BatchNorm1d(1, epsilon: 0)
        try norm.load(
            ParameterTree([
                ("weight", CrypTensor(constant: Tensor([2] as [Double], shape: [1]))),
                ("bias", CrypTensor(constant: Tensor([1] as [Double], shape: [1]))),
                ("running_mean", CrypTensor(constant: Tensor([4] as [Double], shape: [1]))),
                ("running_var", CrypTensor(constant: Tensor([4] as [Double], shape: [1]))),
                ("num_batches_tracked", CrypTensor(constant: Tensor([0] as [Int], shape: []))),
            ])
        )
        let x = CrypTensor(constant: Tensor([1, 3] as [Double], shape: [2, 1]))
        let (training, evaluation) = (norm.train(), norm.eval())
        #expect(try value(training(x)) == [-1, 3])
        #expect(try value(evaluation(x)) == [-2, 0])
        #expect(try value(Sequential { norm }.training(false)(x)) == [-2, 0])
        #expect(try value(Frozen(norm).train()(x)) == [-2, 0])
        #expect(Frozen(norm).parameters.isEmpty && Frozen(norm).buffers.count == 5)
        #expect(Frozen(norm).specifications.allSatisfy { $0.role == .buffer })

        // Recorded: 4 + 0.1 (2 − 4), 4 + 0.1 (2 − 4) and 1; twice as often where it is called twice; nothing in evaluation.
        let (_, once) = withRecordedState(of: training) { training(x) }
        #expect(try once.map { try value($0.tensor) } == [[3.8], [3.8], [1]])
        let (_, twice) = withRecordedState(of: training) { training(training(x)) }
        #expect(try value(#require(twice["num_batches_tracked"])) == [2])
        let (_, none) = withRecordedState(of: evaluation) { evaluation(x) }
        #expect(try none.map { try value($0.tensor) } == [[4], [4], [0]])
    }

    @Test("Without running statistics, and frozen, as PyTorch")
    func statistics() throws {
        let x = CrypTensor(constant: Tensor([1, 3] as [Double], shape: [2, 1]))
        let batch = BatchNorm1d(1, epsilon: 0, affine: false, trackRunningStatistics: false)
        #expect(batch.specifications.isEmpty)
        #expect(try value(batch.eval()(x)) == [-1, 1])
        var frozen = BatchNorm1d(1, epsilon: 0, affine: false, isFrozen: true)
        frozen.buffers = ParameterTree([
            ("running_mean", CrypTensor(constant: Tensor([1] as [Double], shape: [1]))),
            ("running_var", CrypTensor(constant: Tensor([4] as [Double], shape: [1]))),
        ])
        let (y, buffers) = withRecordedState(of: frozen) { frozen.train()(x) }
        #expect(try value(y) == [0, 1])
        #expect(try value(#require(buffers["running_mean"])) == [1])
    }

    @Test("Dropout draws anew at each call in training and nothing in evaluation")
    func dropout() {
        let x = Secrets.tensor([4, 4])
        func draws(_ y: CrypTensor) -> Int {
            var (pending, seen): ([Node], Set<ObjectIdentifier>) = ([y.node], [])
            var count = 0
            while let node = pending.popLast() {
                guard seen.insert(ObjectIdentifier(node)).inserted else { continue }
                if case .random = node.operation { count += 1 }
                pending += node.inputs
            }
            return count
        }
        let layer = Dropout(0.25)
        #expect(draws(layer(x) + layer(x)) == 2)
        #expect(draws(layer.eval()(x)) == 0)
        #expect(layer.eval()(x).node === x.node)
        #expect(draws(Dropout(0)(x)) == 0)
        var encoder = TransformerEncoder(TransformerEncoderLayer(4, heads: 2, feedForwardWidth: 8), layers: 2)
        encoder.parameters = Secrets.tree(of: encoder)
        #expect(draws(encoder(Secrets.tensor([3, 2, 4]))) == 8)
        #expect(draws(encoder.eval()(Secrets.tensor([3, 2, 4]))) == 0)
    }

    @Test("Activations, pools and rearrangements as layers, on a few numbers")
    func parameterless() throws {
        let x = CrypTensor(constant: Tensor([-2, -0.25, 0, 0.25, 1, 7], shape: [1, 1, 6]))
        let cases: [(any Layer, [Double])] = [
            (ReLU(), [0, 0, 0, 0.25, 1, 7]), (ReLU6(), [0, 0, 0, 0.25, 1, 6]),
            (LeakyReLU(0.5), [-1, -0.125, 0, 0.25, 1, 7]), (Hardtanh(min: -1, max: 2), [-1, -0.25, 0, 0.25, 1, 2]),
            (Hardshrink(), [-2, 0, 0, 0, 1, 7]), (Softshrink(), [-1.5, 0, 0, 0, 0.5, 6.5]),
            (MaxPool1d(2), [-0.25, 0.25, 7]), (AvgPool1d(3), [-0.75, 2.75]), (AdaptiveAvgPool1d(2), [-0.75, 2.75]),
            (AdaptiveMaxPool1d(3), [-0.25, 0.25, 7]), (Identity(), [-2, -0.25, 0, 0.25, 1, 7]),
            (Lambda { $0 * 2.0 }, [-4, -0.5, 0, 0.5, 2, 14]),
            (Upsample(scaleFactor: 2), [-2, -2, -0.25, -0.25, 0, 0, 0.25, 0.25, 1, 1, 7, 7]),
        ]
        for (layer, expected) in cases {
            let got = try value(layer(x))
            #expect(
                zip(got, expected).allSatisfy { abs($0 - $1) < 1e-12 } && got.count == expected.count,
                "\(layer): \(got)"
            )
        }
        // PyTorch: F.interpolate(scale_factor=2, mode="linear") of 0, 1, 3.
        let line = CrypTensor(constant: Tensor([0, 1, 3] as [Double], shape: [1, 1, 3]))
        #expect(try value(Upsample(scaleFactor: 2, mode: .linear)(line)) == [0, 0.25, 0.75, 1.5, 2.5, 3])
        #expect(Flatten()(Secrets.tensor([2, 3, 4])).shape == [2, 12])
        let wave = try value(
            PositionalEncoding(2)(CrypTensor(constant: Tensor([0, 0, 0, 0] as [Double], shape: [2, 1, 2])))
        )
        #expect(zip(wave, [0, 1, 0.8414709848078965, 0.5403023058681398]).allSatisfy { abs($0 - $1) < 1e-12 })
    }

    @Test("A bilinear form, gated halves, and a transposed convolution of volumes")
    func rest() throws {
        func constant(_ values: [Double], _ shape: Shape) -> CrypTensor {
            CrypTensor(constant: Tensor(values, shape: shape))
        }
        var form = Bilinear(2, 2, 1)
        try form.load(ParameterTree([("weight", constant([1, 2, 3, 4], [1, 2, 2])), ("bias", constant([0.5], [1]))]))
        // (1, 2) W (3, −1)ᵀ with W = ((1, 2), (3, 4)): 1 + 2 · 5.
        #expect(try value(form(constant([1, 2, 0, 0], [2, 2]), constant([3, -1, 9, 9], [2, 2]))) == [11.5, 0.5])
        #expect(form(constant([1], [1, 1]), constant([1], [1, 1])).error?.code == .shapeMismatch)
        #expect(try value(GLU()(constant([3, -4, 0, 0], [1, 4]))) == [1.5, -2])
        var volumes = ConvTranspose3d(1, 1, kernelSize: 2, stride: 2, bias: false)
        try volumes.load(ParameterTree([("weight", constant([1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 2, 2, 2]))]))
        let spread = volumes(constant([1, 10], [1, 1, 1, 1, 2]))
        #expect(spread.shape == [1, 1, 2, 2, 4])
        #expect(try value(spread) == [1, 2, 10, 20, 3, 4, 30, 40, 5, 6, 50, 60, 7, 8, 70, 80])
    }
}
