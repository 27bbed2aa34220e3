import CrypTen
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import Testing
import _CrypTenONNXTestSupport
import _CrypTenTestSupport

/// A small model whose whole plan two parties make the correlations of.
struct PairedModel: Sendable, CustomTestStringConvertible {
    /// What is revealed of it.
    struct Outputs {
        var tensors: [CrypTensor]
        /// How far real numbers may be from what they are in the clear; nil where those aren't known, as of random numbers.
        var bound: Double?
        /// Whether bits are drawn, which each maker does for itself.
        var isDrawn = false
        /// Whether bits of masks are read: then an ordinary dealer's carries are others.
        var readsBits = true
    }

    var name: String
    var testDescription: String { name }
    /// Makes the expressions, and their inputs in a source.
    var make: @Sendable (ExpressionSource) throws -> Outputs

    init(_ name: String, _ make: @escaping @Sendable (ExpressionSource) throws -> Outputs) {
        (self.name, self.make) = (name, make)
    }

    static let all = networks + functions + training + files
}

extension PairedModel {
    /// Modules as a user has them, in evaluation; party 1 has the parameters.
    static let networks: [PairedModel] = [
        PairedModel("LeNet") { source in
            let network = try source.filled(LeNet())
            return Outputs(tensors: [network(source.input([1, 1, 28, 28], range: 1))], bound: 5e-3)
        },
        PairedModel("residual blocks with strides, padding and normalisation") { source in
            let network = try source.filled(
                Sequential {
                    Conv2d(3, 4, kernelSize: 3, stride: 2, padding: 1, bias: false)
                    BatchNorm2d(4)
                    ReLU()
                    MaxPool2d(3, stride: 2, padding: 1)
                    ResidualBlock(4, 4)
                    ResidualBlock(4, 6, stride: 2)
                    Lambda { $0.globalAveragePool().flatten(start: 1) }
                    Linear(6, 3)
                }
            )
            return Outputs(tensors: [network(source.input([2, 3, 16, 16], range: 1))], bound: 5e-3)
        },
        PairedModel("BERT of secret words") { source in
            let network = try source.filled(
                BERT(words: 11, width: 8, layers: 1, heads: 2, feedForwardWidth: 16, positions: 8)
            )
            let vectors = network(source.words([1, 6], of: 11))
            return Outputs(tensors: [vectors, network.pooled(vectors)], bound: 5e-3)
        },
        PairedModel("LSTM") { source in
            let network = try source.filled(LSTM(3, 4))
            let (output, hidden, cell) = network(source.input([3, 2, 3], range: 1), initial: nil)
            return Outputs(tensors: [output, hidden, cell], bound: 5e-3)
        },
        PairedModel("GRU both ways") { source in
            let network = try source.filled(GRU(3, 4, bidirectional: true))
            return Outputs(tensors: [network(source.input([3, 2, 3], range: 1))], bound: 5e-3)
        },
        PairedModel("text classifier") { source in
            let network = try source.filled(TextCNN(words: 11, classes: 3, width: 8, sizes: [2, 3], filters: 4))
            return Outputs(tensors: [network(source.words([2, 6], of: 11)).argmax(axis: 1)], bound: 0)
        },
        PairedModel("convolutions over sound") { source in
            let network = try source.filled(Wav2Letter(classes: 4, input: .features(3), width: 2))
            return Outputs(tensors: [network(source.input([1, 3, 40], range: 1))], bound: 2e-2)
        },
        PairedModel("pools") { source in
            let x = source.input([1, 2, 7, 7], range: 2)
            return Outputs(
                tensors: [
                    x.maxPool2d(3, stride: 2, padding: 1), x.maxPool2d(2), x.avgPool2d(3, stride: 2, padding: 1),
                    x.globalMaxPool(),
                ],
                bound: 2e-4
            )
        },
    ]

    /// What networks are made of.
    static let functions: [PairedModel] = [
        PairedModel("more elements than a slab has") { source in
            let x = source.input([3, 16_000], range: 4)
            return Outputs(
                tensors: [x.relu(), x.max(axis: 0), x.narrow(axis: 0, start: 1, length: 1).sigmoid()],
                bound: 1e-3
            )
        },
        PairedModel("orders") { source in
            let x = source.input([3, 6], range: 4)
            let (values, places) = x.topK(2)
            return Outputs(
                tensors: [x.argmax(axis: 1), values, places, x.sort(axis: 1), x.argsort(axis: 0)],
                bound: 1e-4
            )
        },
        PairedModel("exponents, logarithms, roots, quotients") { source in
            let x = source.input(
                Tensor([0.02, 0.3, 0.9, 1, 1.5, 4, 17, 250], shape: [8])
            )
            let y = source.input([8], owner: 1, range: 3)
            return Outputs(
                tensors: [
                    y.exp(), x.log(), x.sqrt(), y / x, y.sigmoid(), y.tanh(), y.sin(), y.erf(), y.softmax(axis: 0),
                ],
                bound: 5e-2
            )
        },
        PairedModel("comparisons and bounds") { source in
            let (x, y) = (source.input([40], range: 3), source.input([40], owner: 1, range: 3))
            let isLess = x.lessThan(y)
            return Outputs(
                tensors: [
                    x.clamp(min: -1, max: 1.5), isLess, x.round().equal(y.round()), x.where(isLess, otherwise: y),
                    x.abs(),
                    x.sign(), x.floor(), (isLess.logicalAnd(x.greaterThan(CrypTensor(0.5)))).logicalNot(), x.relu6(),
                ],
                bound: 1e-3
            )
        },
        PairedModel("products of whole numbers") { source in
            let (a, b) = (source.integers([5, 70], owner: 0), source.integers([70, 3], owner: 1))
            let (image, window) = (source.integers([1, 2, 6, 6], owner: 0), source.integers([3, 2, 3, 3], owner: 1))
            return Outputs(
                tensors: [
                    a.matmul(b), (a.matmul(b) * source.integers([5, 3], owner: 1)).sum(axis: 0),
                    image.conv2d(window, padding: 1), source.integers([70], owner: 0) * source.integers([70], owner: 1),
                ],
                bound: 0,
                readsBits: false
            )
        },
        PairedModel("whole numbers and bits") { source in
            func bits(_ every: Int, owner: Int) -> CrypTensor {
                source.input(Tensor((0..<70).map { Int64($0 % every) }, shape: [70]), owner: owner).equal(CrypTensor(0))
            }
            let (p, q) = (bits(3, owner: 0), bits(2, owner: 1))
            return Outputs(
                tensors: [
                    p.logicalAnd(q), p.logicalXor(q), p.toInteger().sum(),
                    source.integers([70], owner: 0).where(q, otherwise: source.integers([70], owner: 1)),
                ],
                bound: 0
            )
        },
    ]

    /// Steps of training, and what they draw.
    static let training: [PairedModel] = [
        PairedModel("a step of SGD with momentum") { source in
            Outputs(tensors: try source.step(SGD(learningRate: 0.1, momentum: 0.9, weightDecay: 0.01)), bound: 2e-3)
        },
        PairedModel("a step of Adam") { source in
            Outputs(tensors: try source.step(Adam(learningRate: 0.01, epsilon: 0.05)), bound: 5e-3)
        },
        PairedModel("dropout") { source in
            let x = source.input([5, 67], range: 2)
            let isKept = CrypTensor(random: .bernoulli(0.7), x.shape, number: 1)
            let dropped = x.where(isKept, otherwise: CrypTensor(0.0)) * (1 / 0.7)
            let weight = source.input([67, 3], owner: 1, range: 1)
            return Outputs(tensors: [isKept, dropped, dropped.matmul(weight)], isDrawn: true)
        },
        PairedModel("numbers that nobody knows") { source in
            Outputs(
                tensors: [
                    CrypTensor(random: .uniform, [70], number: 1),
                    CrypTensor(random: .binomial(trials: 8, scale: 0.5), [70], number: 2)
                        + source.input([70], range: 1),
                    CrypTensor(random: .bernoulli(0.5), [70], number: 3),
                ],
                isDrawn: true
            )
        },
        PairedModel("rows in an order that nobody knows") { source in
            let rows = [source.input([40, 3], range: 2), source.input([40], owner: 1, range: 2)]
            return Outputs(tensors: Node.shuffled(rows.map(\.node), number: 1).map { CrypTensor($0) }, readsBits: false)
        },
    ]

    /// Models of files; party 1 has their parameters, and party 0 the inputs.
    static let files: [PairedModel] =
        [
            ("digits-cnn", 2, 2e-2), ("digits-mlp", 3, 2e-2), ("breast-cancer-logreg", 4, 1e-2),
            ("breast-cancer-mlp", 4, 2e-2), ("tiny-resnet18", 2, 5e-2),
        ].map { name, rows, bound in
            PairedModel(name) { source in
                let reference = ReferenceModel.committed.first { $0.name == name }!
                let model = try reference.model(in: ReferenceModel.fixtures)
                let inputs = try reference.inputs(in: ReferenceModel.fixtures).mapValues { $0.first(rows) }
                return Outputs(tensors: try source.outputs(of: model, inputs), bound: bound)
            }
        }
        + ["iris-forest-maps", "two-classes-mixed-logistic", "mode-eq", "trees-of-sets"].map { name in
            PairedModel("trees: \(name)") { source in
                let item = TreeCase.all.first { $0.name == name }!
                let model = try ONNXModel(contentsOf: item.url)
                let inputs = [model.inputs[0].name: item.rows.first(3)]
                return Outputs(tensors: try source.outputs(of: model, inputs), bound: 5e-3)
            }
        }
        + (QuantizedCase.all.map(\.item) + OperatorCase.classical).filter { item in
            [
                "quantise_u8", "qlinear_conv", "dynamic_quantise_matmul", "matmul_4_bits", "dense_qdq_u8s8_channels",
                "image_operators_u8s8_channels", "vectors_rbf_3", "classes_softmax_zero",
            ].contains(item.name)
        }.map { item in
            PairedModel(item.name) { source in
                let model = try ONNXModel(bytes: item.model, name: item.name)
                let inputs = Dictionary(uniqueKeysWithValues: item.inputs.map { ($0.name, $0.tensor) })
                // Where numbers are rounded to a grid, the clear may take the other one of two steps.
                return Outputs(tensors: try source.outputs(of: model, inputs))
            }
        }
}

extension CrypTensor {
    /// A random tensor.
    fileprivate init(random distribution: Primitive.Distribution, _ shape: Shape, number: Int) {
        let kind: ElementKind = if case .bernoulli = distribution { .bit } else { .real }
        self.init(
            Node(
                source: .random(distribution, drawnBy: .dealer, shape, number: number),
                shape: shape,
                kind: kind,
                visibility: .secret,
                session: nil
            )
        )
    }
}

extension Tensor {
    /// Its first rows.
    fileprivate func first(_ rows: Int) -> Tensor {
        let shape = Shape([min(rows, self.shape[0])] + self.shape.dimensions.dropFirst())
        return Tensor(Array(doubles.prefix(shape.count)), shape: shape)
    }
}

extension ExpressionSource {
    /// A module in evaluation, with parameters of party 1.
    func filled<Network: Module>(_ network: Network) throws -> Network {
        var network = network.eval()
        try network.load(ParameterTree(network.specifications.map { ($0.name, parameter($0.name, $0.shape)) }))
        return network
    }

    private func parameter(_ name: String, _ shape: Shape) -> CrypTensor {
        if name.hasSuffix("num_batches_tracked") { return input(Tensor([0] as [Int64], shape: []), owner: 1) }
        if name.hasSuffix("running_var") {
            return input(Tensor((0..<shape.count).map { 0.75 + 0.125 * Double($0 % 5) }, shape: shape), owner: 1)
        }
        let fan = Double(max(1, shape.dimensions.dropFirst().reduce(1, *)))
        guard shape.rank < 2, name.hasSuffix("weight") else {
            return input(shape, owner: 1, range: shape.rank < 2 ? 0.2 : (3 / fan).squareRoot())
        }
        return input(Tensor((0..<shape.count).map { 0.9 + 0.05 * Double($0 % 7) }, shape: shape), owner: 1)
    }

    /// A secret input of whole numbers.
    func integers(_ shape: Shape, owner: Int) -> CrypTensor {
        input(Tensor((0..<shape.count).map { Int64($0 * 37 % 101) - 50 }, shape: shape), owner: owner)
    }

    /// Secret words as one-hot rows.
    func words(_ shape: Shape, of count: Int) -> CrypTensor {
        input(Tensor((0..<shape.count).map { Int64($0 * 3 % count) }, shape: shape)).oneHot(count)
    }

    /// A step of a small network's training: its loss, what becomes of the parameters, and what is remembered of them.
    func step(_ optimizer: some Optimizer) throws -> [CrypTensor] {
        let network = try filled(
            Sequential {
                Linear(5, 7)
                Tanh()
                Linear(7, 3)
            }
        ).training(true)
        let (x, labels) = (input([6, 5], range: 1), input(Tensor((0..<6).map { Int64($0 % 3) }, shape: [6])))
        let (loss, gradients, _) = valueAndGradient(of: network) { crossEntropy($0(x), labels: labels.oneHot(3)) }
        let rates = optimizer.rates(at: 3).map { CrypTensor(constant: Tensor([$0], shape: [1])) }
        var outputs = [loss]
        for (name, gradient) in gradients.map({ ($0.name, $0.tensor) }) {
            let remembered = optimizer.slots.map { slot in
                let range = slot.isDivisor ? 0.25 : 0.5
                let value = input(gradient.shape, owner: 1, range: range)
                return (slot.name, slot.isDivisor ? value.square() : value)
            }
            let parameter = network.parameters[name]!
            let next = optimizer.step(parameter, gradient, Dictionary(uniqueKeysWithValues: remembered), rates: rates)
            outputs += [next.parameter] + next.remembered.sorted { $0.key < $1.key }.map(\.value)
        }
        return outputs
    }

    /// What a file's model makes of inputs of party 0, all of them secret, with party 1's parameters.
    func outputs(of model: ONNXModel, _ inputs: [String: Tensor]) throws -> [CrypTensor] {
        let tensors = inputs.sorted { $0.key < $1.key }.map { ($0.key, input($0.value)) }
        let parameters = try model.parameters.map { ($0.name, input(try #require($0.value), owner: 1)) }
        let outputs = try model.apply(
            inputs: Dictionary(uniqueKeysWithValues: tensors),
            parameters: Dictionary(uniqueKeysWithValues: parameters)
        )
        return model.outputs.map { outputs[$0.name]! }
    }
}
