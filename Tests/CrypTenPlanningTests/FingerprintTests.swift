import CrypTenExpressions
import CrypTenPlanning
import CrypTenRing
import Crypto
import Foundation
import Testing

/// Fingerprints of plans, and of public operands, that every machine must give.
///
/// A failure prints the line that is right now: where plans are changed on purpose, `Plan.version` is raised, and it goes into
/// the list below.
@Suite("Every machine makes the same plans")
struct FingerprintTests {
    static let expressions: [(name: String, make: @Sendable () -> CrypTensor, expected: String)] = [
        (
            "a product of matrices", { x().matmul(x([6, 3], 1)) + 0.3 },
            "2ef5903757d001e48e902ead989ddf3af6b6014a5d9b29c82789d549402a1b48"
        ),
        (
            "relu", { x().matmul(x([6, 3], 1)).relu() },
            "998278cc0a8313a1c75fa0a2406dcba88e1d27ac849f9d3a19fe78510d558051"
        ),
        ("sigmoid", { x().sigmoid() }, "1346ad8f2eea48fb45289a467e4f472a5307f8c4543c51dcb04f869a55f47090"),
        ("tanh", { x().tanh() }, "4b7d8c1bd66c41a0c7d6fb0d513a55bd4044219a6109b853b53b0952e41a91df"),
        ("gelu", { x().gelu() }, "9914d5f082534a50920fd73677a8eac1a8d9cd8eb6bf532cb1f6489282fb91dc"),
        ("swish", { x().swish(1.7) }, "99f7614f25f0a4a0c930f735b470a842f69b4a4233b98d2eb1052c9f071ef92e"),
        ("reciprocal", { x().reciprocal() }, "632ee795b1d9fdfa26c533ac7c8a9cb28a9be2f793048d999d25f2d3f302ce9e"),
        ("a quotient", { x() / x([4, 6], 1) }, "188521e649abede05772a569db5137c3b306dfd6eed03baa5392f2dfa64141c3"),
        ("root", { x().sqrt() }, "23c8b6c93db22206ec2d6d4029022a51e0e31fc4074a5aab6c4000546cb77790"),
        (
            "inverse root", { x().inverseSquareRoot() },
            "35bde8ec15ba5601bb81748e91f53af82aeb3e0b4a0afbc9e47c5ffdcafcaa21"
        ),
        ("exp", { x().exp() }, "864aaf6673946fdf03e9921428f479d8979ba76265a874a22247ed53ea3340be"),
        ("log", { x().log() }, "8e67b0e023a7d611ca0b2eb994fa21bdb28df1358f3ef7988554dc5975e79ab3"),
        ("softmax", { x().softmax(axis: 1) }, "06ddc9b4c9af92b93ec574f145a38aaeb53fd2afbf1a2791128ccf741ae99bfb"),
        ("logSoftmax", { x().logSoftmax(axis: 1) }, "e918ed79a8265bd6ee070791925fa1fe12b74fd5e24fdf2e976c4016daeff81e"),
        ("layerNorm", { x().layerNorm() }, "ec90dfbc081a7b56242f9bdb0864e7132933ea88e939653a64707cc8eef02942"),
        (
            "sine and cosine", { x().sin() + x().cos() },
            "8ded4c0f0d324247dc7261013a0c8d531e907f9e4d240a65a2fe7362459de756"
        ),
        (
            "convolution and pooling", { x([1, 2, 6, 6]).conv2d(x([3, 2, 3, 3], 1), padding: 1).relu().maxPool2d(2) },
            "8446fbf34e882e099ebba72eadf74d6dfe468f98ca3a091264e2ffac1d553f26"
        ),
        ("sorting", { x().sort(axis: 1) }, "7c206a66294d7a1c060a4365e3966bf3c20878714b49b85e630beecbcc3c712e"),
        (
            "the largest two", { x().topK(2, axis: 1).values },
            "9fdd5e3127f78f81be0a68fbabe2050f9fe04a14162658c1a4e76e0ee5fbd1de"
        ),
        (
            "comparisons", { (x() .< 1.25).where(x() .>= -0.5, otherwise: x() .== 2.0) },
            "18398bb45264b5b9cbf5f37d8bdf9af1dc8bb4c07f8fdf7e5413e989b7ad8b29"
        ),
        ("power", { x().pow(1.3) }, "8d57a12438655633f605ad8074b29b68dce9a6a3de7da8c5063cdf2a924a7d8a"),
        (
            "folded functions",
            {
                x()
                    * (CrypTensor(0.7).exp() * CrypTensor(1.9).log() + CrypTensor(2.2).sin() * CrypTensor(0.4).erf()
                        + CrypTensor(0.3).tanh())
            }, "8d4b128eb101b732b1b96cc42eff0ffa52f5378848358b04b466f6c2d9435e80"
        ),
        ("elu", { x().elu(1.3) }, "618d5ebe4743360f5e1995679040ce5bdce75917c9eb9b0ee8df9e91a2d6e9d3"),
        (
            "clamp", { x().clamp(min: -0.7, max: 2.1) },
            "7d3d34b54e0f43e50977d4268c824643c55dcef6b86aa70c517c53e0e5033010"
        ),
    ]

    private static func x(_ shape: Shape = [4, 6], _ number: Int = 0) -> CrypTensor {
        ExtremeWalk.operand(shape, number: number)
    }

    static func fingerprint(_ expression: CrypTensor) throws -> String {
        let (graph, _) = try Simplify.graph(of: [(expression.node, .reveal(to: nil))])
        let plan = try Planner(parties: 2, fractionBits: 16).plan(graph, kept: [])
        return plan.fingerprint.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    @Test("as they were before")
    func known() throws {
        for (name, make, expected) in Self.expressions {
            let found = try Self.fingerprint(make())
            #expect(found == expected, "\(name) has fingerprint \(found)")
        }
        #expect(Self.expressions.count >= 20)
    }

    /// Public tensors of run time, computed by each party: their words go into products with shares.
    static func operands() throws -> String {
        let node = Node(
            source: .publicInput(number: 0),
            shape: [64],
            kind: .real,
            visibility: .public,
            session: nil
        )
        let v = CrypTensor(node)
        let results = [
            v.exp(), v.log(), v.sin(), v.cos(), v.tanh(), v.erf(), v.gelu(), v.sigmoid(), v.softplus(), v.mish(),
            v.sqrt(),
            v.atan(), v.pow(1.3), v.softmax(axis: 0), v.logSumExp(axis: 0), v.geluTanh(),
        ]
        let numbers = Tensor((0..<64).map { Double($0 * $0) / 173 - 3 }, shape: [64])
        let tensors = try ClearEvaluator { _ in numbers }.evaluate(results.map(\.node))
        var hash = SHA256()
        for tensor in tensors {
            let words = FixedPoint.encodePublic(tensor.doubles, integers: nil, scale: 40, shape: tensor.shape)
            for word in words.elements { withUnsafeBytes(of: word.littleEndian) { hash.update(bufferPointer: $0) } }
        }
        return hash.finalize().map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    @Test("public operands as they were before")
    func publicOperands() throws {
        #expect(try Self.operands() == "b3ea8186fce5f373c3eb2b02fc55bb2087b239d10a82fff33ba7d9068560f69a")
    }

    /// `MathLibraryTests` runs this suite once more with a library that is off by a unit.
    @Test("the library is the one that is expected")
    func library() {
        // Read at run time, so that the compiler doesn't fold it.
        let one = Double(ProcessInfo.processInfo.processorCount.signum())
        let isSkewed = ProcessInfo.processInfo.environment["CRYPTEN_SKEWED_MATH"] != nil
        #expect((Foundation.exp(one) == 2.718281828459045) == !isSkewed)
        #expect((Foundation.log(one) == 0) == !isSkewed)
        #expect((Foundation.sin(one) == 0.8414709848078965) == !isSkewed)
    }
}
