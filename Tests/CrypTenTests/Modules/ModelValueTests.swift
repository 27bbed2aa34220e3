import CrypTen
import CrypTenBase
import CrypTenExpressions
import Foundation
import Testing

@Suite("Networks give the scores of torchvision's and of the papers' formulas")
struct ModelValueTests {
    private struct File: Decodable {
        struct Network: Decodable {
            let input: [Int]
            let shape: [Int]
            let values: [Double]
        }
        let networks: [String: Network]
    }

    static let networks: [(name: String, make: @Sendable () -> any Layer)] = [
        ("resnet_basic", { ResNet(blocks: [1, 1, 1, 1], isBottleneck: false, classes: 5) }),
        ("resnet_bottleneck", { ResNet(blocks: [1, 1, 1, 1], isBottleneck: true, classes: 5) }),
        ("mobilenet_v2", { FeatureClassifier.mobileNetV2(classes: 5) }),
        (
            "vit",
            {
                VisionTransformer(
                    imageSize: 32,
                    patchSize: 8,
                    layers: 2,
                    heads: 2,
                    width: 8,
                    feedForwardWidth: 16,
                    classes: 5
                )
            }
        ), ("text_cnn", { TextCNN(words: 11, classes: 3, width: 8, sizes: [2, 3], filters: 4) }),
    ]

    @Test("Scores of small networks in evaluation, computed in the clear", arguments: networks.map(\.name))
    func scores(of name: String) throws {
        let expected = try #require(Fixture.read("model-values.json", as: File.self).networks[name])
        var network = try #require(Self.networks.first { $0.name == name }).make().eval()
        try network.load(Self.filled(network))
        try check(network(name == "text_cnn" ? Self.words : Self.image(expected.input)), expected)
    }

    @Test("BERT's pooled vectors, of public word numbers and of one-hot rows, computed in the clear")
    func bert() throws {
        let expected = try #require(Fixture.read("model-values.json", as: File.self).networks["bert"])
        var network = BERT(words: 11, width: 8, layers: 2, heads: 2, feedForwardWidth: 16, positions: 16).eval()
        try network.load(Self.filled(network))
        try check(network.pooled(network(Self.words)), expected)
        try check(network.pooled(network(Self.words.oneHot(11))), expected)
    }

    private func check(_ scores: CrypTensor, _ expected: File.Network) throws {
        let value = try ClearEvaluator { _ in throw CrypTenError(.invalidArgument, "only constants") }
            .evaluate([scores.node])[0]
        #expect(value.shape == Shape(expected.shape))
        let worst = zip(value.doubles, expected.values).map { abs($0 - $1) / max(1, abs($1)) }.max { !($0 >= $1) } ?? 0
        #expect(worst <= 1e-8, "off by \(worst)")
    }

    /// The word numbers of the script that makes the scores.
    private static let words = CrypTensor(
        constant: Tensor((0..<2).flatMap { n in (0..<6).map { (3 * $0 + 7 * n) % 11 } }, shape: [2, 6])
    )

    private static func image(_ shape: [Int]) -> CrypTensor {
        let scale = (Double(shape.dropFirst().reduce(1, *)) / 3).squareRoot()
        return CrypTensor(constant: Tensor(fill("input", Shape(shape)).doubles.map { $0 * scale }, shape: Shape(shape)))
    }

    private static func filled(_ network: some Module) -> ParameterTree {
        ParameterTree(network.specifications.map { ($0.name, CrypTensor(constant: fill($0.name, $0.shape))) })
    }

    /// A tensor's values by its name, as the script has them.
    private static func fill(_ name: String, _ shape: Shape) -> Tensor {
        if name.hasSuffix("num_batches_tracked") { return Tensor([0] as [Int], shape: []) }
        let start = 1 + 0.7 * Double(name.utf8.reduce(0) { $0 + Int($1) })
        let scale = (3 / Double(shape.dimensions.dropFirst().reduce(1, *))).squareRoot()
        let values = (0..<shape.count).map { index -> Double in
            let u = sin(start + 1.3 * Double(index))
            if name.hasSuffix("running_var") { return 1 + 0.5 * u }
            if shape.rank >= 2 { return u * scale }
            return name.hasSuffix("weight") ? 1 + 0.25 * u : 0.1 * u
        }
        return Tensor(values, shape: shape)
    }

    @Test("Large networks take images and sound of their sizes, and name the layers that compute")
    func shapes() {
        let image: Shape = [2, 3, 224, 224]
        for (name, make) in ModelShapeTests.models {
            var network = make().eval()
            let tree = Secrets.tree(of: network)
            (network.parameters, network.buffers) = (tree, tree)
            let input: Shape =
                name == "wav2letter_mfcc" ? [2, 13, 100] : name == "wav2letter_waveform" ? [2, 1, 16000] : image
            let scores = network(Secrets.tensor(input))
            #expect(scores.error == nil, "\(name)")
            #expect(
                scores.shape.dimensions.prefix(2) == (name.hasPrefix("wav2letter") ? [2, 40] : [2, 1000]),
                "\(name)"
            )
        }
        var network = ResNet.resNet18().eval()
        (network.parameters, network.buffers) = (Secrets.tree(of: network), Secrets.tree(of: network))
        let layers = Secrets.layers(of: network(Secrets.tensor(image)))
        #expect(layers.isSuperset(of: ["conv1", "layer1.0.conv1", "layer2.0.downsample.0", "layer4.1.conv2", "fc"]))
    }
}

/// Secret tensors without values, for expressions that are only looked at.
enum Secrets {
    private static let session = SessionIdentity()

    static func tensor(_ shape: Shape, kind: ElementKind = .real) -> CrypTensor {
        CrypTensor(
            Node(
                source: .input(owner: .party(0), number: 0),
                shape: shape,
                kind: kind,
                visibility: .secret,
                session: session
            )
        )
    }

    static func tree(of module: some Module) -> ParameterTree {
        ParameterTree(module.specifications.map { ($0.name, tensor($0.shape, kind: $0.kind)) })
    }

    /// The names of the layers that an expression's nodes were made under.
    static func layers(of tensor: CrypTensor) -> Set<String> {
        var (pending, seen): ([Node], Set<ObjectIdentifier>) = ([tensor.node], [])
        var layers: Set<String> = []
        while let node = pending.popLast() {
            guard seen.insert(ObjectIdentifier(node)).inserted else { continue }
            if let layer = node.layer { layers.insert(layer) }
            pending += node.inputs
        }
        return layers
    }
}
