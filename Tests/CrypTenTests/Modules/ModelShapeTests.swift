import CrypTen
import Testing

@Suite("Networks have the state of torchvision's and transformers' under the same names")
struct ModelShapeTests {
    private struct File: Decodable {
        struct Model: Decodable {
            struct Entry: Decodable {
                let name: String
                let shape: [Int]

                init(from decoder: any Decoder) throws {
                    var list = try decoder.unkeyedContainer()
                    name = try list.decode(String.self)
                    shape = try list.decode([Int].self)
                }
            }
            let count: Int
            let state: [Entry]
            let buffers: [String]
        }
        let models: [String: Model]
    }

    static let models: [(name: String, make: @Sendable () -> any Layer)] = [
        ("alexnet", { FeatureClassifier.alexNet() }), ("vgg16", { FeatureClassifier.vgg16() }),
        ("vgg16_bn", { FeatureClassifier.vgg16(batchNorm: true) }), ("resnet18", { ResNet.resNet18() }),
        ("resnet34", { ResNet.resNet34() }), ("resnet50", { ResNet.resNet50() }),
        ("mobilenet_v2", { FeatureClassifier.mobileNetV2() }), ("vit_b_16", { VisionTransformer.base16() }),
        ("wav2letter_waveform", { Wav2Letter() }), ("wav2letter_mfcc", { Wav2Letter(input: .features(13)) }),
    ]

    @Test("Names, shapes, order and counts", arguments: models.map(\.name))
    func names(of name: String) throws {
        let expected = try #require(Fixture.read("model-shapes.json", as: File.self).models[name])
        let specifications = try #require(Self.models.first { $0.name == name }).make().specifications
        #expect(specifications.map(\.name) == expected.state.map(\.name))
        #expect(specifications.map(\.shape) == expected.state.map { Shape($0.shape) })
        let trained = specifications.filter { $0.role == .parameter }
        #expect(trained.reduce(0) { $0 + $1.shape.count } == expected.count)
        #expect(specifications.filter { $0.role == .buffer }.map(\.name) == expected.buffers)
    }

    @Test("BERT's base network has the published 109,482,240 numbers under transformers' names")
    func bert() {
        let specifications = BERT().specifications
        #expect(specifications.reduce(0) { $0 + $1.shape.count } == 109_482_240)
        #expect(specifications.count == 199)
        let shapes = Dictionary(uniqueKeysWithValues: specifications.map { ($0.name, $0.shape) })
        #expect(shapes["embeddings.word_embeddings.weight"] == [30522, 768])
        #expect(shapes["embeddings.token_type_embeddings.weight"] == [2, 768])
        #expect(shapes["embeddings.LayerNorm.bias"] == [768])
        #expect(shapes["encoder.layer.11.attention.self.value.weight"] == [768, 768])
        #expect(shapes["encoder.layer.0.attention.output.LayerNorm.weight"] == [768])
        #expect(shapes["encoder.layer.3.intermediate.dense.weight"] == [3072, 768])
        #expect(shapes["encoder.layer.3.output.dense.weight"] == [768, 3072])
        #expect(shapes["pooler.dense.bias"] == [768])
    }

    @Test("LeNet's 44,426 numbers and a text network's names")
    func small() {
        #expect(LeNet().specifications.reduce(0) { $0 + $1.shape.count } == 44_426)
        let text = TextCNN(words: 50, classes: 2, width: 8, sizes: [2, 3], filters: 4).specifications
        #expect(
            text.map(\.name) == [
                "embedding.weight", "convs.0.weight", "convs.0.bias", "convs.1.weight", "convs.1.bias", "fc.weight",
                "fc.bias",
            ]
        )
        #expect(text.map(\.shape) == [[50, 8], [4, 8, 2], [4], [4, 8, 3], [4], [2, 8], [2]])
    }
}
