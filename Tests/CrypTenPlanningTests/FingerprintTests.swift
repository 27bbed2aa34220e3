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
        ("reciprocal", { x().reciprocal() }, "e893849bd7a5da91ada5fd6f34936d0bfc5aa5140d49aa24cbc8d634c8323e2d"),
        ("a quotient", { x() / x([4, 6], 1) }, "256967883042c07eb872ccfed5b528153775f604c7eef02141d5dd4d92f60504"),
        ("root", { x().sqrt() }, "897ad33ecacdb6063ce479284d7e77c7cebe2799da7b31b632e6f9e266af0abc"),
        (
            "inverse root", { x().inverseSquareRoot() },
            "429c2c36eb803fd3e3181ba1db0e2052832f72eadf73a9bcb725cb5e4ad484bf"
        ),
        ("exp", { x().exp() }, "2561878483dd1302ec27c615a35d2aec332598027551b160e84a93bd647ec40b"),
        ("log", { x().log() }, "6fbb6438676df19989fbdbc79fc142ed8ac7a0c86450dcd29cb36b7240123f50"),
        ("softmax", { x().softmax(axis: 1) }, "74cab213fcb4ba3415aafd7a07110b4d126fa32caacf1f078e512c99b9b823bb"),
        ("logSoftmax", { x().logSoftmax(axis: 1) }, "c135f212b616f0574e9ce3dcf80d2efd2737db43f3f554001c91728afbb57ec0"),
        ("layerNorm", { x().layerNorm() }, "572373da5686c2704d08b0ecc9a7dc691d19cabca42364cfec5ea3f6e58e1409"),
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
        ("power", { x().pow(1.3) }, "0b57403a69cb0add6341efbdab6e141ab5e2a22f4dad88e6a9e174f8efae9aef"),
        (
            "folded functions",
            {
                x()
                    * (CrypTensor(0.7).exp() * CrypTensor(1.9).log() + CrypTensor(2.2).sin() * CrypTensor(0.4).erf()
                        + CrypTensor(0.3).tanh())
            }, "4b1b57663b6c3139decbca93297fe256d17103e331585e1bb97733309ccd393c"
        ),
        ("elu", { x().elu(1.3) }, "015356b34bf846feead0ccd89c866366d9a76950c9b2c9b13e7386bffb8f2561"),
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
        let found = try Self.operands()
        #expect(found == "85b907efa561c6d6642f4602ae6479bedf678b7d63c44cc7f81240809bdf0ae8")
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
