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
            "805c6eb104eb7ca3c779a7752c935dfb7546c6d6f4020d32bf3938e0da39abd0"
        ),
        (
            "relu", { x().matmul(x([6, 3], 1)).relu() },
            "2e423f52e877a2abf3f3e92393e5106beaf54d099fc2b35ef0fe0926f78b417c"
        ),
        ("sigmoid", { x().sigmoid() }, "f70f9bab14da3130cf4f68c018d79570b86d7361d3376e0eec5d5bab5a54734f"),
        ("tanh", { x().tanh() }, "fef3d8e8c4c7e861b0e775be105ddd9790c447b123a3db6585139d1a30e2d820"),
        ("gelu", { x().gelu() }, "618b04079878960f8588c6ef9116cd5a8fe69fb7a5994c12cda0304668c7a557"),
        ("swish", { x().swish(1.7) }, "58a3256c754cdd758d452c1ba467894005ef9266cfb7e6b707f5b3feb1a690f8"),
        ("reciprocal", { x().reciprocal() }, "30f3077a2fc9e7ec70b8f0db2e1cb3ddea1de353936ebb9e9b6e625ed7b31b1b"),
        ("a quotient", { x() / x([4, 6], 1) }, "7004b6a0da2e896c22428ff37254e4beef81ed91a7af7e560f09d67a2b587ace"),
        ("root", { x().sqrt() }, "44af289d024b791a15bd838c54402d67ec2d1e54fee6b6e215fa83f3adc5088c"),
        (
            "inverse root", { x().inverseSquareRoot() },
            "ce55a26c219ffb51a4ddf3e44fe426b6b9845462629cb21f945fedfd6289c5ca"
        ),
        ("exp", { x().exp() }, "43ea5415517ac1a868907105f95e30ed5185b6136213cf2cbe4f6a3e66117e07"),
        ("log", { x().log() }, "f0d3cbadc73b94086d24d3c0fd4a96b5d5a9c1383fd34f9c0c8d2d85c89d4de1"),
        ("softmax", { x().softmax(axis: 1) }, "84e8f78019f57a3d022124f5cb41b301fcd93e6e4c06b1b80b55a18dcb0213e1"),
        ("logSoftmax", { x().logSoftmax(axis: 1) }, "90d24f380071ccbb5eb089e569523375149675fd481eabb731066febdf94f30a"),
        ("layerNorm", { x().layerNorm() }, "42f0c0097a37478232ac5dd05a3ebd17d2162a45a372373cad9c07767c4d6554"),
        (
            "sine and cosine", { x().sin() + x().cos() },
            "06135d810697e6519bd76258301e4c1361ce499673cef3b5f7b2af5c0f57eb45"
        ),
        (
            "convolution and pooling", { x([1, 2, 6, 6]).conv2d(x([3, 2, 3, 3], 1), padding: 1).relu().maxPool2d(2) },
            "3bd94158d62b427282c2553b83015c68d756db33aa8909199ac432756b11e2e3"
        ),
        ("sorting", { x().sort(axis: 1) }, "9574a9518618ffc88584c9f1157cf2c44e6a016f8d96923bb1b34a3b2902bc18"),
        (
            "the largest two", { x().topK(2, axis: 1).values },
            "e52d98612fdc20be821920296f019a08b9762b51c0ddd3b9185c0b86805f1c37"
        ),
        (
            "comparisons", { (x() .< 1.25).where(x() .>= -0.5, otherwise: x() .== 2.0) },
            "044bf06176c760eb36d97a76b79a7f0daad24ba779c5aad902c0bff838b9e9fb"
        ),
        ("power", { x().pow(1.3) }, "36c4b72b0782f4e118f76871c80dfd32ca0c0a06a087fe68c965a0dd2cd6750d"),
        (
            "folded functions",
            {
                x()
                    * (CrypTensor(0.7).exp() * CrypTensor(1.9).log() + CrypTensor(2.2).sin() * CrypTensor(0.4).erf()
                        + CrypTensor(0.3).tanh())
            }, "38f1a31ca94ea1ad34dc1b240a8c830ae11db517a8fc1474b81e086ca7b3bad3"
        ),
        ("elu", { x().elu(1.3) }, "475bc81f63322f75980ab246b2ca53e2d6ef6732f97b2561a264d95098bea930"),
        (
            "clamp", { x().clamp(min: -0.7, max: 2.1) },
            "0cdeb08cae7cee66734fc3377affaf0497e5f50a995f06cd86b34fddfda12ff1"
        ),
    ]

    private static func x(_ shape: Shape = [4, 6], _ number: Int = 0) -> CrypTensor {
        ExtremeWalk.operand(shape, number: number)
    }

    private static func plan(_ expression: CrypTensor, slabBits: Int) throws -> PreparedPlan {
        let (graph, _) = try Simplify.graph(of: [(expression.node, .reveal(to: nil))])
        return try Planner(parties: 2, fractionBits: 16, slabBits: slabBits).plan(graph, kept: [])
    }

    static func fingerprint(_ expression: CrypTensor) throws -> String {
        let plan = try plan(expression, slabBits: 15)
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

    @Test("and another one for other slabs, which the dealer's says, too")
    func slabs() throws {
        let plans = try [12, 15, 18].map { try Self.plan(Self.x().relu(), slabBits: $0) }
        #expect(Set(plans.map(\.fingerprint)).count == 3 && Set(plans.map(\.dealerFingerprint)).count == 3)
        for plan in plans {
            let sent = try JSONDecoder().decode(Plan.self, from: Data(plan.dealerPlan))
            #expect(sent.slabBits == plan.plan.slabBits && sent.slabs == plan.plan.slabs)
            // Nothing else depends on them.
            var other = plan.plan
            other.slabBits = 15
            #expect(other == plans[1].plan)
            let framing = Framing(headerBytes: 44, chunkBytes: 1 << 18)
            #expect(PlanCost(of: plan, framing: framing) == PlanCost(of: plans[1], framing: framing))
        }
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
