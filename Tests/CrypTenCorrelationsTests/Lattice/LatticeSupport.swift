import CrypTenBase
import CrypTenCorrelations
import CrypTenRing

/// A generator of test data: SplitMix64.
struct LatticeTestWords: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    static let edges: [UInt64] = [0, 1, 1 << 63, (1 << 63) - 1, .max, 1 << 62, (1 << 63) + 1, 0xFFFF_FFFF]

    /// Uniform words, a third of them edges.
    mutating func tensor(_ shape: Shape) -> RingTensor {
        let words = (0..<shape.count).map { i in
            i % 3 == 0 ? LatticeTestWords.edges[Int(next() % 8)] : next()
        }
        return RingTensor(words, shape: shape)
    }
}

/// All kernels of this machine, and all of one.
let allLatticeKernels = NativeKernels.available.map { LatticeKernels(NativeKernels(threads: 2, instructionSet: $0)) }
let bestLatticeKernels = allLatticeKernels[0]

/// Both parties of one cross term: the left or right operand is one party's, the other operand the other's.
struct LatticePair {
    let kernels: LatticeKernels
    let secret: LatticeSecret
    let publicKey: LatticePublicKey
    let publicKeyMessage: [UInt8]
    let other: any LatticeRandomness

    init(seed: UInt64, _ kernels: LatticeKernels = bestLatticeKernels, other: (any LatticeRandomness)? = nil) throws {
        self.kernels = kernels
        secret = LatticeSecret(LatticeStreams(ExpansionKey(low: seed, high: 1), kernels.native), kernels)
        publicKeyMessage = secret.publicKeyMessage()
        publicKey = try LatticePublicKey(message: publicKeyMessage, kernels)
        self.other = other ?? LatticeStreams(ExpansionKey(low: seed, high: 2), kernels.native)
    }

    /// Shares of the packing's operation: the encrypting party's, and the other's, and what was sent.
    struct Result {
        var own, others: RingTensor
        var encryption, answer: [UInt8]

        var sum: [UInt64] { zip(own.elements, others.elements).map { $0 &+ $1 } }
    }

    func run(
        _ packing: LatticePacking,
        _ left: RingTensor,
        _ right: RingTensor,
        key: LatticePublicKey? = nil
    ) throws -> Result {
        let (own, plain) = packing.encrypted == .left ? (left, right) : (right, left)
        let encryption = try secret.encrypt(own, packing)
        let ciphertexts = try LatticeCiphertexts(message: encryption, packing, kernels)
        let plaintexts = try LatticePlaintexts(plain, packing, kernels)
        let sums = try LatticeAccumulators(ciphertexts, times: plaintexts, kernels)
        var shares = (RingTensor(zeros: packing.form.outputShape), RingTensor(zeros: packing.form.outputShape))
        let answer = sums.answer(key ?? publicKey, other, kernels, share: &shares.1)
        try secret.decrypt(answer, packing, share: &shares.0)
        return Result(own: shares.0, others: shares.1, encryption: encryption, answer: answer)
    }
}

/// The operation in the ring.
func ringProduct(_ operation: BilinearOperation, _ left: RingTensor, _ right: RingTensor) throws -> [UInt64] {
    var sum = RingTensor(zeros: try operation.outputShape(left.shape, right.shape))
    NativeKernels(threads: 1).accumulate(&sum, operation, left, right, subtracting: false)
    return sum.elements
}

/// A number without a sign of any length, for exact references: 32 bits a word, lowest first.
struct TestNumber: Equatable {
    var words: [UInt32]

    init(_ value: UInt64) { words = [UInt32(truncatingIfNeeded: value), UInt32(value >> 32)] }

    /// The product, and something more.
    func times(_ factor: UInt64, plus addend: UInt64 = 0) -> TestNumber {
        precondition(factor <= UInt64(UInt32.max))
        var carry = addend
        var out = self
        for i in out.words.indices {
            let (high, low) = UInt64(out.words[i]).multipliedFullWidth(by: factor)
            let (sum, over) = low.addingReportingOverflow(carry & 0xFFFF_FFFF)
            out.words[i] = UInt32(truncatingIfNeeded: sum)
            carry = (sum >> 32) + (carry >> 32) + ((high + (over ? 1 : 0)) << 32)
        }
        while carry > 0 {
            out.words.append(UInt32(truncatingIfNeeded: carry))
            carry >>= 32
        }
        return out
    }

    func plus(_ other: TestNumber) -> TestNumber {
        var out = self
        var carry: UInt64 = 0
        for i in 0..<max(words.count, other.words.count) {
            if i == out.words.count { out.words.append(0) }
            let sum = UInt64(out.words[i]) + (i < other.words.count ? UInt64(other.words[i]) : 0) + carry
            out.words[i] = UInt32(truncatingIfNeeded: sum)
            carry = sum >> 32
        }
        if carry > 0 { out.words.append(UInt32(carry)) }
        return out
    }

    func divided(by divisor: UInt64) -> (quotient: TestNumber, remainder: UInt64) {
        var out = self
        var rest: UInt64 = 0
        for i in out.words.indices.reversed() {
            let value = rest << 32 | UInt64(out.words[i])
            out.words[i] = UInt32(value / divisor)
            rest = value % divisor
        }
        return (out, rest)
    }

    /// Without its lowest words.
    func dropping(words count: Int) -> TestNumber {
        var out = self
        out.words = Array(words.dropFirst(count))
        return out
    }

    var low: UInt64 {
        UInt64(words.first ?? 0) | UInt64(words.count > 1 ? words[1] : 0) << 32
    }

    /// The number below the product of the primes with these residues.
    init(residues: [UInt32], primes: [UInt32]) {
        // Mixed radix: the digits, and then Horner's rule.
        var digits: [UInt64] = []
        for (k, residue) in residues.enumerated() {
            let p = UInt64(primes[k])
            var (value, weight) = (UInt64(0), UInt64(1))
            for (digit, prime) in zip(digits, primes) {
                value = (value + digit * weight) % p
                weight = weight * UInt64(prime) % p
            }
            let difference = (UInt64(residue) + p - value) % p
            digits.append(difference * TestNumber.power(weight, p - 2, p) % p)
        }
        var number = TestNumber(digits.last!)
        for k in digits.indices.dropLast().reversed() { number = number.times(UInt64(primes[k]), plus: digits[k]) }
        self = number
    }

    static func power(_ base: UInt64, _ exponent: UInt64, _ p: UInt64) -> UInt64 {
        var (result, square, left) = (UInt64(1), base % p, exponent)
        while left > 0 {
            if left & 1 == 1 { result = result * square % p }
            square = square * square % p
            left >>= 1
        }
        return result
    }
}
