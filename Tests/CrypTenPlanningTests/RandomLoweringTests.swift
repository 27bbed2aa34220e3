import CrypTenBase
import CrypTenExpressions
import CrypTenPlanning
import CrypTenRing
import Foundation
import Testing
import _CrypTenTestSupport

/// Distributions are counted where all patterns of bits can be gone through, and sampled with fixed seeds where they can't.
///
/// Where they are sampled the hypothesis is that the numbers are independent and of the distribution stated; false alarms: 10^-6
/// for each test, divided by its comparisons.
@Suite("Random numbers as plans draw them")
struct RandomLoweringTests {
    private static let falseAlarm = 1e-6

    private func random(
        _ distribution: Primitive.Distribution,
        _ shape: Shape,
        drawnBy source: RandomSource = .everyone,
        number: Int = 0
    ) throws -> CrypTensor {
        let operation = Primitive.random(distribution, drawnBy: source, shape, number: number)
        let kind = try operation.result(of: []).1
        return CrypTensor(Node(source: operation, shape: shape, kind: kind, visibility: .secret, session: nil))
    }

    private func plan(_ expression: CrypTensor, parties: Int = 2, fractionBits: Int = 16) throws -> PreparedPlan {
        let (graph, _) = try Simplify.graph(of: [(expression.node, .keep)])
        return try Planner(parties: parties, fractionBits: fractionBits, slabBits: 15).plan(graph, kept: [])
    }

    /// What a plan takes: rounds, bits opened and bits dealt for each element.
    private func cost(_ plan: PreparedPlan, of count: Int) -> [Double] {
        let cost = PlanCost(
            of: plan.plan,
            schedule: plan.schedule,
            framing: Framing(headerBytes: 0, chunkBytes: 1 << 18)
        )
        // To each other party.
        let opened = cost.onlineBytes[0] / (plan.plan.parties - 1)
        return [Double(cost.rounds), Double(8 * opened) / Double(count), Double(8 * cost.dealerBytes) / Double(count)]
    }

    private func run(_ plan: PreparedPlan, seed: UInt64 = 1, drawn: [[UInt64]]? = nil) throws -> Tensor {
        let kernels = NativeKernels(threads: 1)
        return try PlanSimulator(plan, seed: seed, kernels: kernels, drawn: drawn).run(inputs: [])[0]
    }

    /// Own words of two parties with which 2^bits elements go through all patterns of so many bits.
    private func patterns(_ bits: Int, seed: UInt64) -> [[UInt64]] {
        let count = 1 << bits
        let all = RingTensor((0..<count).map { UInt64($0) }, shape: [count])
        let words = PlainKernels().planes(of: all, from: 0, count: bits).asWords.elements
        // One party draws anything that is the same for all elements, the other what makes all patterns of the XOR.
        let perPlane = BitPlanes.words(for: count)
        let tail = count < 64 ? UInt64(1) << UInt64(count) - 1 : ~0
        var random = TestRandom(seed: seed)
        let flips = (0..<bits).flatMap { _ in
            [UInt64](repeating: random.next() & 1 == 1 ? tail : 0, count: perPlane)
        }
        return [flips, words]
    }

    @Test(
        "a uniform number drawn by everyone takes one round, f bits and 8f bytes dealt",
        arguments: [4, 16, 28],
        [2, 3]
    )
    func uniformCost(fractionBits: Int, parties: Int) throws {
        let count = 640
        let plan = try plan(random(.uniform, [count]), parties: parties, fractionBits: fractionBits)
        let f = Double(fractionBits)
        #expect(cost(plan, of: count) == [1, f, 64 * f])
        let dealers = try self.plan(
            random(.uniform, [count], drawnBy: .dealer),
            parties: parties,
            fractionBits: fractionBits
        )
        #expect(cost(dealers, of: count) == [0, 0, 64])
    }

    @Test("a uniform number takes each value for one pattern of bits", arguments: [4, 8, 12])
    func uniform(fractionBits: Int) throws {
        let count = 1 << fractionBits
        let plan = try plan(random(.uniform, [count]), fractionBits: fractionBits)
        let values = try run(plan, drawn: patterns(fractionBits, seed: 0xF)).doubles
        #expect(values.sorted() == (0..<count).map { Double($0) / Double(count) })
    }

    @Test("a bit is 1 for as many patterns as its probability says, whatever the probability")
    func probabilities() throws {
        var claims = (0...256).map { (numerator: $0, fractionBits: 8) }
        // At 16 fraction bits: 15 bits, of which a slab goes through all patterns.
        claims += [2, 6, 21_846, 24_690, 43_690, 65_534].map { ($0, 16) }
        claims += [(1 << 15, 16), (3 << 14, 16), (1 << 27, 28), (5 << 24, 28)]
        for (numerator, fractionBits) in claims {
            let whole = 1 << fractionBits
            let isSure = numerator == 0 || numerator == whole
            let bits = isSure ? 1 : fractionBits - numerator.trailingZeroBitCount
            let count = 1 << bits
            let probability = Double(numerator) / Double(whole)
            let plan = try plan(random(.bernoulli(probability), [count]), fractionBits: fractionBits)
            let ones = try run(plan, drawn: patterns(bits, seed: UInt64(numerator))).doubles.reduce(0, +)
            #expect(ones / Double(count) == probability, "\(numerator) / \(whole)")
        }
    }

    @Test("a bit takes as few bits as its probability has, and a comparison of them")
    func bernoulliCost() throws {
        let count = 640
        func bit(_ probability: Double, _ source: RandomSource = .everyone, fractionBits: Int = 16) throws -> [Double] {
            cost(
                try plan(random(.bernoulli(probability), [count], drawnBy: source), fractionBits: fractionBits),
                of: count
            )
        }
        // Rounds, bits opened, bits dealt.
        #expect(try bit(0.5) == [1, 1, 0])
        #expect(try bit(0.25) == [2, 3, 1])
        #expect(try bit(0.75) == [2, 3, 1])
        #expect(try bit(0.0625) == [2, 5, 11])
        #expect(try bit(0.3) == [3, 24, 59])
        #expect(try bit(Double(0x5555) / 0x1p16) == [3, 24, 59])
        #expect(try bit(0x1p-16) == [3, 21, 55])
        #expect(try bit(0.3, fractionBits: 28)[0] == 4)
        #expect(try bit(0.5, .dealer) == [0, 0, 0])
        #expect(try bit(0.3, .dealer) == [0, 0, 1])
        #expect(try bit(0) == [1, 1, 0])
    }

    @Test("binomial noise is exactly binomial: each of all patterns of 10 coins counts its heads")
    func binomial() throws {
        let count = 1024
        let plan = try plan(random(.binomial(trials: 10, scale: 0.25), [count]))
        #expect(cost(plan, of: count) == [1, 10, 640])
        var counts: [Double: Int] = [:]
        for value in try run(plan, drawn: patterns(10, seed: 0xB)).doubles { counts[value, default: 0] += 1 }
        let coefficients = [1, 10, 45, 120, 210, 252, 210, 120, 45, 10, 1]
        #expect(counts.count == 11)
        for (heads, coefficient) in coefficients.enumerated() { #expect(counts[Double(heads - 5) / 4] == coefficient) }
    }

    @Test("binomial noise of more coins than a gate has bits is the sum of all", arguments: [2, 1024, 1500])
    func manyTrials(trials: Int) throws {
        let count = 64
        let plan = try plan(random(.binomial(trials: trials, scale: 1), [count]))
        #expect(cost(plan, of: count) == [1, Double(trials), Double(64 * trials)])
        var random = TestRandom(seed: UInt64(trials))
        // A word is a plane. Both gates of 1,500 draw the same first words.
        let own = (0..<2).map { _ in random.words(1024) }
        let heads = (0..<count).map { element in
            (0..<trials).count { (own[0][$0 % 1024] ^ own[1][$0 % 1024]) >> UInt64(element) & 1 == 1 }
        }
        #expect(try run(plan, drawn: own).doubles == heads.map { Double($0 - trials / 2) })
        // The dealer's coins take no round.
        let dealers = try self.plan(self.random(.binomial(trials: trials, scale: 1), [count], drawnBy: .dealer))
        #expect(cost(dealers, of: count) == [0, 0, Double(64 * trials)])
    }

    @Test("a scale that is no multiple of a step, or leaves no room, is refused", arguments: [0x1p-17, 0.3, 0x1p46])
    func scale(scale: Double) throws {
        let expression = try random(.binomial(trials: 4, scale: scale), [1])
        let error = #expect(throws: CrypTenError.self) { try plan(expression) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("\(scale)") == true)
    }

    // MARK: Samples

    /// How odd counts are, by Pearson's statistic.
    private func oddness(_ counts: [Int], _ expected: [Double]) -> Double {
        let statistic = zip(counts, expected).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) / $1.1 }
        return chiSquareTail(statistic, degrees: counts.count - 1)
    }

    @Test("uniform numbers, unfair bits and binomial noise have their distributions", arguments: [2, 3])
    func samples(parties: Int) throws {
        let count = 1 << 16
        var comparisons = Comparisons()
        let uniform = try run(plan(random(.uniform, [count]), parties: parties), seed: 0x5A1).doubles
        #expect(uniform.allSatisfy { (0..<1).contains($0) && $0 * 0x1p16 == ($0 * 0x1p16).rounded() })
        var cells = [Int](repeating: 0, count: 256)
        for value in uniform { cells[Int(value * 256)] += 1 }
        comparisons.add("uniform, high bits", oddness(cells, [Double](repeating: Double(count) / 256, count: 256)))
        cells = [Int](repeating: 0, count: 256)
        for value in uniform { cells[Int(value * 65536) & 255] += 1 }
        comparisons.add("uniform, low bits", oddness(cells, [Double](repeating: Double(count) / 256, count: 256)))
        for probability in [0.3, 0.5, 0.999] {
            let bits = try run(plan(random(.bernoulli(probability), [count]), parties: parties), seed: 0x5A2).doubles
            let rounded = (probability * 0x1p16).rounded() * 0x1p-16
            let ones = Int(bits.reduce(0, +))
            comparisons.addRate("bits of \(probability)", ones: ones, of: count, probability: rounded)
        }
        let noise = try run(plan(random(.binomial(trials: 16, scale: 1), [count]), parties: parties), seed: 0x5A3)
            .doubles
        // Tails together: every cell expects over 100.
        var (counts, expected) = ([Int](repeating: 0, count: 11), [Double](repeating: 0, count: 11))
        for value in noise { counts[min(max(Int(value), -5), 5) + 5] += 1 }
        for heads in 0...16 {
            let share = exp(lgamma(17) - lgamma(Double(heads + 1)) - lgamma(Double(17 - heads))) / 0x1p16
            expected[min(max(heads - 8, -5), 5) + 5] += share * Double(count)
        }
        comparisons.add("binomial noise", oddness(counts, expected))
        let failures = comparisons.failures(falseAlarm: Self.falseAlarm)
        #expect(failures.isEmpty, "\(failures)")
    }

    @Test(
        "normal numbers have the moments, the grid and the tails that are documented",
        arguments: [.dealer, .everyone] as [RandomSource]
    )
    func normal(source: RandomSource) throws {
        let count = 1 << 15
        let (radius, angle) = (
            try random(.uniform, [count], drawnBy: source), try random(.uniform, [count], drawnBy: source, number: 1)
        )
        let x = try run(plan(CrypTensor.normal(radius: radius, angle: angle)), seed: 0x603).doubles
        func moment(_ order: Int) -> Double { x.reduce(0) { $0 + pow($1, Double(order)) } / Double(count) }
        // Moments of many numbers are normal themselves; 2·10^-7 for each of five claims.
        let bound = normalBound(Self.falseAlarm / 10) / Double(count).squareRoot()
        #expect(abs(moment(1)) < bound)
        #expect(abs(moment(2) - 1) < bound * 2.0.squareRoot())
        #expect(abs(moment(3)) < bound * 15.0.squareRoot())
        #expect(abs(moment(4) - 3) < bound * 96.0.squareRoot())
        let within = Double(x.count { abs($0) < 1 }) / Double(count)
        #expect(abs(within - 0.682_689) < bound * (0.682_689 * 0.317_311).squareRoot())
        let tail = (32 * log(2.0)).squareRoot()
        #expect(abs(tail - 4.71) < 0.001)
        #expect(x.allSatisfy { abs($0) < tail + 0.02 && $0 * 0x1p16 == ($0 * 0x1p16).rounded() })
    }

    @Test("all orders of four are as frequent")
    func orders() throws {
        let count = 12_000
        let (coarse, fine) = (try random(.uniform, [4, count]), try random(.uniform, [4, count], number: 1))
        let orders = try run(plan(CrypTensor.order(coarse: coarse, fine: fine)), seed: 0x0D3).doubles
        var counts: [[Int]: Int] = [:]
        for column in 0..<count { counts[(0..<4).map { Int(orders[$0 * count + column]) }, default: 0] += 1 }
        #expect(counts.count == 24 && counts.keys.allSatisfy { $0.sorted() == [0, 1, 2, 3] })
        #expect(oddness(counts.map(\.value), [Double](repeating: Double(count) / 24, count: 24)) > Self.falseAlarm)
    }
}
