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
            "08b2367e33e2d9bb70f7c49052dbbff8ea1617bbe8b12b8280a4cc85fdd5fd19"
        ),
        (
            "relu", { x().matmul(x([6, 3], 1)).relu() },
            "87f78092804505026fd743acc6ed763f9e2513a075ab7cb98b44b306f801a0e8"
        ),
        ("sigmoid", { x().sigmoid() }, "e071d79bf9122a8b725d025e9c3c0125eada73ad8488f71ff4adac070c35ab92"),
        ("tanh", { x().tanh() }, "2a51fa009f10039c7c6de00751885b94dfa36d2d0d9954ce74a96dceed32fdcd"),
        ("gelu", { x().gelu() }, "b80a21cb966a8c05d661855095cb59eee23face06adc0d49217f85dcb3054a5d"),
        ("swish", { x().swish(1.7) }, "afca2f478346bc5bb9af0610281db6e3ae427cf52bdd30210250a8b7079271c3"),
        ("reciprocal", { x().reciprocal() }, "f2133b3f4a2062946f8040aa8b1fa5f6629315ffb83f5ce2ed0e97ab45701da6"),
        ("a quotient", { x() / x([4, 6], 1) }, "f2bf1392262b0816c54122d8aabdd6626d2424af476f01dba40e1ff23c8e5225"),
        ("root", { x().sqrt() }, "a11aa5c49904e8d6d171f5230c42070f8b32165813f421ebf9c7f7709d57f64a"),
        (
            "inverse root", { x().inverseSquareRoot() },
            "37f4ef0412b05142cf7a780149b6ff1da427060fff5f4fe6e9cc0d9a1ba14001"
        ),
        ("exp", { x().exp() }, "188f635c0e2045af72689ed8ffa9e4cfb84caff48a28650a96d48e5a7ece7a5f"),
        ("log", { x().log() }, "631a0e5e8ce840e25e65b718df8428261be8808bfbfc98a064edd3a437112180"),
        ("softmax", { x().softmax(axis: 1) }, "6b27af091d39efad9c938ce365520dd380a80a1e7dc88d332e5800d011b130c6"),
        ("logSoftmax", { x().logSoftmax(axis: 1) }, "cec84888e5f3e5b504c8cca707dee39e067c25341fc5627b4ad4643aac6e5d93"),
        ("layerNorm", { x().layerNorm() }, "0da6fdd3e3062269c38bf592c912f48f000fbd6cf4fa84099cd001e66a4e9a6d"),
        (
            "sine and cosine", { x().sin() + x().cos() },
            "fbdfbcfa6ba4a269441be5ff2c319783a331e7894968e20a51fff25d50dab928"
        ),
        (
            "convolution and pooling", { x([1, 2, 6, 6]).conv2d(x([3, 2, 3, 3], 1), padding: 1).relu().maxPool2d(2) },
            "9db314a50abf01028cf2ef4d6f35f236e3f63f5cb5d3211d650444438605e33b"
        ),
        ("sorting", { x().sort(axis: 1) }, "fd0bb95d83be86f6f32a56b9d023aa940bf1204e72808e81bc65f4caedd3b1ae"),
        (
            "the largest two", { x().topK(2, axis: 1).values },
            "14c7c20fe1590ba82cbcaec71c67671f1d9f4cad2a71bc3d29bd5a806a53ab52"
        ),
        (
            "comparisons", { (x() .< 1.25).where(x() .>= -0.5, otherwise: x() .== 2.0) },
            "8ab9cbda874ec4adf5f0080325a856e8133645fdfc4f866d2ebadafa0c01e454"
        ),
        ("power", { x().pow(1.3) }, "5a628ab93e6f162311cdf672adb111500768dc9ad3a901b090be34664f88effa"),
        (
            "folded functions",
            {
                x()
                    * (CrypTensor(0.7).exp() * CrypTensor(1.9).log() + CrypTensor(2.2).sin() * CrypTensor(0.4).erf()
                        + CrypTensor(0.3).tanh())
            }, "9aa0520357c56decb0bfdd1654119435832d796d18ae0862f635a2c2bf5c55cd"
        ),
        ("elu", { x().elu(1.3) }, "369783af9db381d2bedebd1fc248c71b53287bf15b9c948f00c0a4839a0e9c71"),
        (
            "clamp", { x().clamp(min: -0.7, max: 2.1) },
            "825793b735992e0aaae9021dfd801606efd003d7a5e465d68012e5acffbc7ae3"
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
