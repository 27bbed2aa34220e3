import CrypTen
import CrypTenExpressions
import Testing

/// One module of `module-steps.json` and what PyTorch made of it in double precision.
struct ModuleCase: Decodable, Sendable, CustomTestStringConvertible {
    struct Output: Decodable, Sendable {
        var name: String
        var shape: [Int]
        var values: [Double]
        /// What the elements are multiplied by before they are summed: gradients are those of the sum.
        var weights: [Double]
    }

    struct Step: Decodable, Sendable {
        var mode: String
        var inputs: [FixtureTensor]
        var outputs: [Output]
        /// Nil for inputs that have none.
        var inputGradients: [[Double]?]
        var parameterGradients: [String: [Double]]
        var buffers: [String: [Double]]
    }

    var module: String
    var arguments: PythonArguments
    /// What the calls have beside their inputs.
    var keywords: PythonArguments?
    var parameters: [FixtureTensor]
    var buffers: [FixtureTensor]
    var steps: [Step]

    var testDescription: String { "\(module) \(arguments.map { "\($0.key): \($0.value)" }.sorted())" }

    static let all: [ModuleCase] = {
        struct File: Decodable { var cases: [ModuleCase] }
        return (try? Fixture.read("module-steps.json", as: File.self).cases) ?? []
    }()
}

/// A module, and how its outputs are listed.
struct ModuleUnderTest {
    var module: any Module
    let outputs: (any Module, [CrypTensor]) -> [CrypTensor]

    init(_ layer: some Layer) {
        module = layer
        outputs = { module, inputs in [(module as! any Layer)(inputs[0])] }
    }

    init<M: Module>(_ module: M, _ outputs: @escaping (M, [CrypTensor]) -> [CrypTensor]) {
        self.module = module
        self.outputs = { outputs($0 as! M, $1) }
    }
}

extension ModuleCase {
    /// The Swift module that the case names.
    func make() throws -> ModuleUnderTest {
        let a = arguments
        let (from, to) = (a.integer("in_channels"), a.integer("out_channels"))
        let (groups, bias) = (a.integer("groups", default: 1), a.flag("bias", default: true))
        let epsilon = a.number("eps", default: 1e-5)
        switch module {
        case "Linear":
            return ModuleUnderTest(Linear(a.integer("in_features"), a.integer("out_features"), bias: bias))
        case "Bilinear":
            return ModuleUnderTest(
                Bilinear(a.integer("in1_features"), a.integer("in2_features"), a.integer("out_features"), bias: bias)
            ) { [$0($1[0], $1[1])] }
        case "Conv1d":
            return ModuleUnderTest(
                Conv1d(
                    from,
                    to,
                    kernelSize: a.integer("kernel_size"),
                    stride: a.integer("stride", default: 1),
                    padding: a.integer("padding"),
                    dilation: a.integer("dilation", default: 1),
                    groups: groups,
                    bias: bias
                )
            )
        case "Conv2d":
            let padding = a.pair("padding", default: 0)
            return ModuleUnderTest(
                Conv2d(
                    from,
                    to,
                    kernelSize: a.pair("kernel_size", default: 1),
                    stride: a.pair("stride", default: 1),
                    padding: Padding(padding.rows, padding.columns),
                    dilation: a.pair("dilation", default: 1),
                    groups: groups,
                    bias: bias
                )
            )
        case "Conv3d":
            return ModuleUnderTest(
                Conv3d(
                    from,
                    to,
                    kernelSize: a.triple("kernel_size", default: 1),
                    stride: a.triple("stride", default: 1),
                    padding: a.triple("padding", default: 0),
                    groups: groups,
                    bias: bias
                )
            )
        case "ConvTranspose1d":
            return ModuleUnderTest(
                ConvTranspose1d(
                    from,
                    to,
                    kernelSize: a.integer("kernel_size"),
                    stride: a.integer("stride", default: 1),
                    padding: a.integer("padding"),
                    outputPadding: a.integer("output_padding"),
                    groups: groups,
                    bias: bias
                )
            )
        case "ConvTranspose2d":
            let padding = a.pair("padding", default: 0)
            return ModuleUnderTest(
                ConvTranspose2d(
                    from,
                    to,
                    kernelSize: a.pair("kernel_size", default: 1),
                    stride: a.pair("stride", default: 1),
                    padding: Padding(padding.rows, padding.columns),
                    outputPadding: a.pair("output_padding", default: 0),
                    groups: groups,
                    bias: bias
                )
            )
        case "BatchNorm1d": return ModuleUnderTest(batchNorm(OneAxis.self))
        case "BatchNorm2d": return ModuleUnderTest(batchNorm(TwoAxes.self))
        case "BatchNorm3d": return ModuleUnderTest(batchNorm(ThreeAxes.self))
        case "LayerNorm":
            return ModuleUnderTest(LayerNorm(a["normalized_shape"]?.integers ?? [], epsilon: epsilon))
        case "RMSNorm":
            return ModuleUnderTest(RMSNorm(a.integer("normalized_shape"), epsilon: epsilon))
        case "GroupNorm":
            return ModuleUnderTest(GroupNorm(a.integer("num_groups"), a.integer("num_channels"), epsilon: epsilon))
        case "InstanceNorm1d":
            return ModuleUnderTest(
                InstanceNorm1d(a.integer("num_features"), affine: a.flag("affine", default: false))
            )
        case "InstanceNorm2d":
            return ModuleUnderTest(
                InstanceNorm2d(a.integer("num_features"), affine: a.flag("affine", default: false))
            )
        case "Embedding":
            return ModuleUnderTest(
                Embedding(
                    a.integer("num_embeddings"),
                    a.integer("embedding_dim"),
                    paddingIndex: a["padding_idx"]?.integers.first
                )
            )
        case "PReLU":
            return ModuleUnderTest(PReLU(a.integer("num_parameters", default: 1)))
        case "RNN", "GRU", "LSTM": return recurrent()
        case "MultiheadAttention":
            let mask = mask
            return ModuleUnderTest(attention(dropout: 0)) { [$0($1[0], $1[1], $1[2], mask: mask)] }
        case "TransformerEncoderLayer":
            return ModuleUnderTest(encoderLayer(a))
        case "TransformerEncoder":
            guard case .dictionary(let layer)? = a["layer"] else { break }
            return ModuleUnderTest(TransformerEncoder(encoderLayer(layer), layers: a.integer("num_layers")))
        case "Sequential":
            if let layers = sequential() { return ModuleUnderTest(layers) }
        default: break
        }
        throw CrypTenError(.invalidArgument, "no module is made for the case \(testDescription)")
    }

    /// The bits that say what a query may read: PyTorch's say what it may not.
    var mask: CrypTensor? {
        guard case .dictionary(let mask)? = keywords?["attn_mask"] else { return nil }
        let bits = mask["values"]?.integers.map { $0 == 0 } ?? []
        return CrypTensor(constant: Tensor(.bool(bits), shape: Shape(mask["shape"]?.integers ?? [])))
    }

    /// The attention that the case names.
    func attention(dropout: Double) -> MultiHeadAttention {
        MultiHeadAttention(
            arguments.integer("embed_dim"),
            heads: arguments.integer("num_heads"),
            dropout: dropout,
            bias: arguments.flag("bias", default: true),
            keyWidth: arguments["kdim"]?.integers.first,
            valueWidth: arguments["vdim"]?.integers.first,
            batchFirst: arguments.flag("batch_first", default: false)
        )
    }

    private func batchNorm<Axes: SpatialAxes>(_ axes: Axes.Type) -> BatchNorm<Axes> {
        BatchNorm(
            arguments.integer("num_features"),
            epsilon: arguments.number("eps", default: 1e-5),
            momentum: arguments.number("momentum", default: 0.1),
            affine: arguments.flag("affine", default: true),
            trackRunningStatistics: arguments.flag("track_running_stats", default: true)
        )
    }

    private func encoderLayer(_ a: PythonArguments) -> TransformerEncoderLayer {
        TransformerEncoderLayer(
            a.integer("d_model"),
            heads: a.integer("nhead"),
            feedForwardWidth: a.integer("dim_feedforward", default: 2048),
            dropout: a.number("dropout", default: 0.1),
            activation: a.text("activation") == "gelu" ? .gelu : .relu,
            batchFirst: a.flag("batch_first", default: false),
            normFirst: a.flag("norm_first", default: false)
        )
    }

    private func recurrent() -> ModuleUnderTest {
        let a = arguments
        let (inputs, units, layers) = (
            a.integer("input_size"), a.integer("hidden_size"), a.integer("num_layers", default: 1)
        )
        let (bias, first) = (a.flag("bias", default: true), a.flag("batch_first", default: false))
        let both = a.flag("bidirectional", default: false)
        switch module {
        case "RNN":
            let network = RNN(
                inputs,
                units,
                layers: layers,
                usesReLU: a.text("nonlinearity") == "relu",
                bias: bias,
                batchFirst: first,
                bidirectional: both
            )
            return ModuleUnderTest(network) { network, inputs in
                let (output, hidden) = network(inputs[0], initial: inputs.count > 1 ? inputs[1] : nil)
                return [output, hidden]
            }
        case "GRU":
            let network = GRU(inputs, units, layers: layers, bias: bias, batchFirst: first, bidirectional: both)
            return ModuleUnderTest(network) { network, inputs in
                let (output, hidden) = network(inputs[0], initial: inputs.count > 1 ? inputs[1] : nil)
                return [output, hidden]
            }
        default:
            let network = LSTM(inputs, units, layers: layers, bias: bias, batchFirst: first, bidirectional: both)
            return ModuleUnderTest(network) { network, inputs in
                let (output, hidden, cell) = network(
                    inputs[0],
                    initial: inputs.count > 2 ? (inputs[1], inputs[2]) : nil
                )
                return [output, hidden, cell]
            }
        }
    }

    private func sequential() -> Sequential? {
        switch arguments.text("layers") {
        case "Linear(4, 5), ReLU, Linear(5, 3)":
            Sequential {
                Linear(4, 5)
                ReLU()
                Linear(5, 3)
            }
        case "Residual(body: Linear(3, 3), Tanh), Linear(3, 2)":
            Sequential {
                Residual {
                    Linear(3, 3)
                    Tanh()
                }
                Linear(3, 2)
            }
        case "Conv2d(1, 2, 3, padding: 1, bias: false), BatchNorm2d(2), ReLU, MaxPool2d(2), Flatten, Linear(8, 3)":
            Sequential {
                Conv2d(1, 2, kernelSize: 3, padding: 1, bias: false)
                BatchNorm2d(2)
                ReLU()
                MaxPool2d(2)
                Flatten()
                Linear(8, 3)
            }
        default: nil
        }
    }
}

@Suite("Modules give what PyTorch's give")
struct ModuleStepTests {
    @Test("The file of cases has every module that has a state")
    func file() {
        #expect(ModuleCase.all.count >= 43)
        #expect(Set(ModuleCase.all.map(\.module)).count >= 20)
    }

    @Test("Names and shapes of parameters and buffers are PyTorch's", arguments: ModuleCase.all)
    func names(of item: ModuleCase) throws {
        let specifications = try item.make().module.specifications
        let (parameters, buffers) = (
            specifications.filter { $0.role == .parameter }, specifications.filter { $0.role == .buffer }
        )
        #expect(parameters.map(\.name) == item.parameters.map(\.name))
        #expect(parameters.map(\.shape) == item.parameters.map { Shape($0.shape) })
        #expect(buffers.map(\.name) == item.buffers.map(\.name))
        #expect(buffers.map(\.shape) == item.buffers.map { Shape($0.shape) })
    }

    @Test("Outputs and buffers after each step are PyTorch's, computed in the clear", arguments: ModuleCase.all)
    func steps(of item: ModuleCase) throws {
        var subject = try item.make()
        try subject.module.load(ParameterTree(Array(item.parameters.constants) + Array(item.buffers.constants)))
        for (number, step) in item.steps.enumerated() {
            subject.module = subject.module.training(step.mode == "training")
            let inputs = step.inputs.map { CrypTensor(constant: $0.tensor) }
            let (outputs, buffers) = withRecordedState(of: subject.module) { subject.outputs(subject.module, inputs) }
            let all = outputs + buffers.map(\.tensor)
            let values = try ClearEvaluator { _ in throw CrypTenError(.invalidArgument, "only constants") }
                .evaluate(all.map(\.node))
            #expect(outputs.count == step.outputs.count)
            for (value, expected) in zip(values, step.outputs) {
                #expect(value.shape == Shape(expected.shape))
                expectClose(value.doubles, expected.values, "\(expected.name) of step \(number)")
            }
            #expect(Set(buffers.names) == Set(step.buffers.keys))
            var kept = ParameterTree()
            for (name, value) in zip(buffers.names, values.dropFirst(outputs.count)) {
                expectClose(value.doubles, step.buffers[name] ?? [], "\(name) after step \(number)")
                kept[name] = CrypTensor(constant: value)
            }
            subject.module.buffers = kept
        }
    }

    @Test(
        "Masked attention, by bits or causal, of which no weight is dropped though half of them may be, is twice PyTorch's"
    )
    func droppingAttention() throws {
        let item = try #require(ModuleCase.all.first { $0.mask != nil })
        var attention = item.attention(dropout: 0.5)
        try attention.load(item.parameters.constants)
        let given = item.steps[0].inputs.map(\.tensor)
        let inputs = given.map { Secrets.tensor($0.shape) }
        let values = Dictionary(uniqueKeysWithValues: zip(inputs.map { ObjectIdentifier($0.node) }, given))
        let evaluator = ClearEvaluator { node in
            values[ObjectIdentifier(node)]
                ?? Tensor(.bool([Bool](repeating: true, count: node.shape.count)), shape: node.shape)
        }
        let results = [
            attention(inputs[0], inputs[1], inputs[2], mask: item.mask),
            attention(inputs[0], inputs[1], inputs[2], isCausal: true),
            attention.eval()(inputs[0], inputs[1], inputs[2], isCausal: true),
        ]
        for (result, factor) in zip(try evaluator.evaluate(results.map(\.node)), [2, 2, 1] as [Double]) {
            expectClose(result.doubles, item.steps[0].outputs[0].values.map { factor * $0 }, "attention")
        }
    }

    /// Ten significant digits are given.
    private func expectClose(_ got: [Double], _ expected: [Double], _ what: String) {
        #expect(got.count == expected.count, "\(what)")
        let worst = zip(got, expected).map { abs($0 - $1) / max(1, abs($1)) }.max { !($0 >= $1) } ?? 0
        #expect(worst <= 2e-9, "\(what) is off by \(worst)")
    }
}
