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
            "6cd343a961a852cf0899ed6ef0893fdd5cbae26711c507f3179ee0d920eb3cf9"
        ),
        (
            "relu", { x().matmul(x([6, 3], 1)).relu() },
            "0b6632427651764f53b049deecb34790c67676c1eb920e51d75365cfa07cc587"
        ),
        ("sigmoid", { x().sigmoid() }, "db70d91b71a5f2336f423f821ad834c5e94e8500ec17aab8f022f2726119127d"),
        ("tanh", { x().tanh() }, "6af9188f956082bb5843acf4aea3e778ec3b98da9f248ead0b14a7a9eff170d0"),
        ("gelu", { x().gelu() }, "3629d18b1856d99500ed6ce7e81642f670624df50b848dc39765aa45d14ff4ed"),
        ("swish", { x().swish(1.7) }, "29c41d202c9591c44e8bbcc04b6f1cedd379200fae31be28a12d82cece0e1ab8"),
        ("reciprocal", { x().reciprocal() }, "4f2b77fe7455a40231e675f1f2fe6683276bfa818b6edd99a2094aa991a982b1"),
        ("a quotient", { x() / x([4, 6], 1) }, "60837223726daf69fb4929df1ef92b460bd47a52aefcd4aa57b4e80a740434f6"),
        ("root", { x().sqrt() }, "e406dd1cd211c3ce5b9e1fff06a74d303147d0ea46f6113d588794828e7b0d28"),
        (
            "inverse root", { x().inverseSquareRoot() },
            "a6cd0ca0220d5c16840e24afe50418a658f2d0312e46188e45e58aff5ee84643"
        ),
        ("exp", { x().exp() }, "44bfdca78d576e0cdbf8086c196a4fd88b69695044196c5e1c5cdd11ea5e4986"),
        ("log", { x().log() }, "4dc1d377d31a5816701260ed2cbeee7092bc1bfb3c0403f0c692955aeeb48f21"),
        ("softmax", { x().softmax(axis: 1) }, "d27b31f353d2296676e3d0ef75aca5115cef1088dacbaa400f3ee38c3519b667"),
        ("logSoftmax", { x().logSoftmax(axis: 1) }, "f01817ee3c5088432f589c906fd48ae02af58813cafea437749985899b499540"),
        ("layerNorm", { x().layerNorm() }, "c2edb955e59749cd298a33dcfa3e7d34a3df1b459dec78f0fc946d77c00513a9"),
        (
            "sine and cosine", { x().sin() + x().cos() },
            "c37354f09b7dc10025f1b7e3e01f75b5f85e68af013e59a4e45ed14ba49cbbec"
        ),
        (
            "convolution and pooling", { x([1, 2, 6, 6]).conv2d(x([3, 2, 3, 3], 1), padding: 1).relu().maxPool2d(2) },
            "af551dd003a24ae78bb25fd3556f1389b7e323947ef5a1fa5732d5e9413f95ef"
        ),
        ("sorting", { x().sort(axis: 1) }, "ac74454670c8e144624a46418c95461f3a7abcbb97ce8931f6bf3d6fb2c14661"),
        (
            "the largest two", { x().topK(2, axis: 1).values },
            "daf4ed306bf3f4d0c1ef8569d85bc61fa42b25e34013d248fa1b50658fb7cd63"
        ),
        (
            "comparisons", { (x() .< 1.25).where(x() .>= -0.5, otherwise: x() .== 2.0) },
            "7b8d0ee1f5a91fbe6b7e84950ceba8790fcb8cfcaf555cfcbba577faf284ef39"
        ),
        ("power", { x().pow(1.3) }, "b60ff968faf1a48f82c88312fb797027215ac832256c4861130d92db950d6efb"),
        (
            "folded functions",
            {
                x()
                    * (CrypTensor(0.7).exp() * CrypTensor(1.9).log() + CrypTensor(2.2).sin() * CrypTensor(0.4).erf()
                        + CrypTensor(0.3).tanh())
            }, "b91a39a2d4deda3aceafa2147c416d7045b226abaccd8cd100da062f85ba9844"
        ),
        ("elu", { x().elu(1.3) }, "04aca3a453194cfc65f4264d934ce87fb7b601bb03f4a3600fcaa57008388f4a"),
        (
            "clamp", { x().clamp(min: -0.7, max: 2.1) },
            "def3c8cffb5fef8c50eb93950a19eefd046f0d373cd4576378ba72cd68725d77"
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
