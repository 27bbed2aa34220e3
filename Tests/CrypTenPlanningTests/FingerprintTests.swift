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
            "15c2736070c5771ca3e81cca838007616f0da0b7fbebc31616cfb293b2fce1a7"
        ),
        (
            "relu", { x().matmul(x([6, 3], 1)).relu() },
            "1d5c0db1c05660a684009b7d673569283436b6efaea7721ed2eebb4c17e8d898"
        ),
        ("sigmoid", { x().sigmoid() }, "df5a1bb6ae79882cdb371143e6625365e17d18152c3fe0dba8113a10106dfa64"),
        ("tanh", { x().tanh() }, "9ccd59672af202258f419fbbe9fb9fe66a26b6cac07b651b24f23a44675a91ad"),
        ("gelu", { x().gelu() }, "d368dd0d1b70a44d81d24824729b68181241773b371e96183e911010e034bc5e"),
        ("swish", { x().swish(1.7) }, "3717fe2b1c7a8b7a103e1e2d15a8db44fd2eea09d1591282d69b0b211c4de367"),
        ("reciprocal", { x().reciprocal() }, "84936782f5bcf0e764165034f2621db77976d64c75e13f4542e088d0792e50d4"),
        ("a quotient", { x() / x([4, 6], 1) }, "f8f33e9eb2317af89ddc0a1f7c84af1af877afa7b7f595459af1d0d44d666502"),
        ("root", { x().sqrt() }, "4a54904f10d25522ddd385938c499a8cd2b81bf2ac85d3cb5f539d3c6cbbf321"),
        (
            "inverse root", { x().inverseSquareRoot() },
            "b20f3aa2eb5b3b58d0cfdd4f4a9ba03167a1d4d9a29e476ba80f051e9eb433a6"
        ),
        ("exp", { x().exp() }, "a503f33547ae51eddf8e6006d1785f3c589f8658f4f8dd443da08399d2e0e38d"),
        ("log", { x().log() }, "81a636f74d1ffa54b4a70514194f23d2a21fca62c6d1702a831c87230037480b"),
        ("softmax", { x().softmax(axis: 1) }, "c0bf069bb8d5286d5aa31953f99408bcef3ad0d7f18edb1b635fa9d7d9773f0b"),
        ("logSoftmax", { x().logSoftmax(axis: 1) }, "5193724d62283213cf448ee37bff8bad531d5f57bff4bd5eddf6275548876f19"),
        ("layerNorm", { x().layerNorm() }, "def4b1f2111e1897efa7919a0477ce75b3ab09e03c01f463e6d3f950bdedd4ff"),
        (
            "sine and cosine", { x().sin() + x().cos() },
            "080a5f6b16782b7a1e69018b3583ade7334634b72fce921c14105c18e79a30b7"
        ),
        (
            "convolution and pooling", { x([1, 2, 6, 6]).conv2d(x([3, 2, 3, 3], 1), padding: 1).relu().maxPool2d(2) },
            "67c9d373e150c12b70b47e633d9fbb65fada0ace7a7fc93e458ece0af4cf19d5"
        ),
        ("sorting", { x().sort(axis: 1) }, "bcbbe1218548660f8dc55e44fa345edc1e1d80bb553ccd72674124addc721834"),
        (
            "the largest two", { x().topK(2, axis: 1).values },
            "ee0fd8d1643c607c5d3a83c29b4f25aee8eec3857fdd9b5c7b6784271909b14b"
        ),
        (
            "comparisons", { (x() .< 1.25).where(x() .>= -0.5, otherwise: x() .== 2.0) },
            "091c51876efe075d8ee424ee49b03f33d287c8d0e70834b7b83314d39b98b8b1"
        ),
        ("power", { x().pow(1.3) }, "f33ba378380eeae0efbf403527c5f5380673e1f9aeb29018172abf9f09c85f85"),
        (
            "folded functions",
            {
                x()
                    * (CrypTensor(0.7).exp() * CrypTensor(1.9).log() + CrypTensor(2.2).sin() * CrypTensor(0.4).erf()
                        + CrypTensor(0.3).tanh())
            }, "b603cc4b4459db97d032d83e5a69efbcf9b3f0c748ea2406416e2432a5eeb5ff"
        ),
        ("elu", { x().elu(1.3) }, "fc4eea01534c07876b7cbf088fd8e02fd5514812f445b496d1450bf9a9f37a2e"),
        (
            "clamp", { x().clamp(min: -0.7, max: 2.1) },
            "39fe0e1c0fa5ebbea9817a85cf6de9bc4a28881d48d9b74ca4a19024a88c5e8a"
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
