import CrypTenCorrelations
import CrypTenRing
import Crypto

/// AES-128 by its definition, with tables: for known numbers alone.
///
/// > FIPS 197.
struct TableAES {
    private static let box: [UInt8] = {
        func product(_ a: UInt8, _ b: UInt8) -> UInt8 {
            var (a, b, sum) = (a, b, UInt8(0))
            while b != 0 {
                if b & 1 == 1 { sum ^= a }
                a = a << 1 ^ (a >> 7 == 1 ? 0x1B : 0)
                b >>= 1
            }
            return sum
        }
        return (0..<256).map { x -> UInt8 in
            let x = UInt8(x)
            let inverse = (0...255).map { UInt8($0) }.first { product(x, $0) == 1 } ?? 0
            var mapped = 0x63 ^ inverse
            for turn in 1..<5 { mapped ^= inverse << turn | inverse >> (8 - turn) }
            return mapped
        }
    }()

    private var keys: [[UInt8]]

    init(_ low: UInt64, _ high: UInt64) {
        keys = [TableAES.bytes(low, high)]
        var constant: UInt8 = 1
        for _ in 0..<10 {
            var key = keys[keys.count - 1]
            for row in 0..<4 { key[row] ^= TableAES.box[Int(key[12 + (row + 1) % 4])] }
            key[0] ^= constant
            for i in 4..<16 { key[i] ^= key[i - 4] }
            keys.append(key)
            constant = constant << 1 ^ (constant >> 7 == 1 ? 0x1B : 0)
        }
    }

    func encrypt(_ low: UInt64, _ high: UInt64) -> (low: UInt64, high: UInt64) {
        var state = zip(TableAES.bytes(low, high), keys[0]).map { $0 ^ $1 }
        for round in 1...10 {
            let substituted = state.map { TableAES.box[Int($0)] }
            var shifted = (0..<16).map { substituted[($0 + 4 * ($0 % 4)) % 16] }
            if round < 10 {
                for column in stride(from: 0, to: 16, by: 4) {
                    let old = Array(shifted[column..<column + 4])
                    let doubled = old.map { $0 << 1 ^ ($0 >> 7 == 1 ? 0x1B : 0) }
                    for row in 0..<4 {
                        let (one, two, three) = ((row + 1) % 4, (row + 2) % 4, (row + 3) % 4)
                        shifted[column + row] = doubled[row] ^ doubled[one] ^ old[one] ^ old[two] ^ old[three]
                    }
                }
            }
            state = zip(shifted, keys[round]).map { $0 ^ $1 }
        }
        var words: [UInt64] = [0, 0]
        for byte in 0..<16 { words[byte / 8] |= UInt64(state[byte]) << UInt64(8 * (byte % 8)) }
        return (words[0], words[1])
    }

    private static func bytes(_ low: UInt64, _ high: UInt64) -> [UInt8] {
        (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? low : high) >> UInt64(8 * ($0 % 8))) }
    }
}

/// One run's transfers as the papers have them, bit by bit; and what breaks them, for mutants.
struct SlowTransfers {
    /// What a broken implementation would do.
    enum Mutant {
        case choicesInTheClear, oneKeyForAllBlocks
    }

    let session: KnownSession
    let mutant: Mutant?
    private let leaves: [UInt64]
    private let pads: TableAES

    /// Those of a session's first run, second, and so on.
    init(_ session: KnownSession, binding: [UInt8] = [1], run: UInt64 = 1, mutant: Mutant? = nil) {
        self.session = session
        self.mutant = mutant
        var hash = SHA256()
        hash.update(data: Array("crypten transfers of a run".utf8))
        for bytes in [
            littleEndian(UInt64(session.label.count)), session.label, littleEndian(UInt64(binding.count)), binding,
        ] {
            hash.update(data: bytes)
        }
        hash.update(data: littleEndian(run))
        let digest = Array(hash.finalize())
        let name = (0..<4).map { word -> UInt64 in
            var value: UInt64 = 0
            for byte in 0..<8 { value |= UInt64(digest[8 * word + byte]) << UInt64(8 * byte) }
            return value
        }
        leaves = stride(from: 0, to: session.leaves.count, by: 2).flatMap { (leaf: Int) -> [UInt64] in
            var key = (low: session.leaves[leaf], high: session.leaves[leaf + 1])
            for _ in 1..<run { key = TableAES(key.low, key.high).encrypt(0, 0) }
            let own = TableAES(key.low, key.high).encrypt(0, name[0] | 1 << 63)
            return [own.low, own.high]
        }
        pads = TableAES(name[2], name[3])
    }

    /// The run's first transfers.
    ///
    /// By the field's elements of k bits: with `r_x` the transfer's bit in leaf x's stream,
    /// `u = Σ r_x`, `v = Σ x·r_x` and `w = Σ (x − Δ)·r_x`, in which leaf Δ isn't. The chooser sends `u + b`, and `t = v`, `q = w + Δ·(u + b)`.
    ///
    /// > Roy, "SoftSpokenOT: Quieter OT extension from small-field silent VOLE in the Minicrypt model", CRYPTO '22, sections 3 and 4.
    func extend(_ choices: [UInt64]) -> (message: [UInt64], t: [UInt64], q: [UInt64]) {
        let height = session.height
        var (t, q) = (
            [UInt64](repeating: 0, count: 128 * choices.count), [UInt64](repeating: 0, count: 128 * choices.count)
        )
        var message = [UInt64](repeating: 0, count: height.trees * choices.count)
        for tree in 0..<height.trees {
            let path = session.path(ofTree: tree)
            let streams = (0..<height.leavesOfTree).map { leaf -> [UInt64] in
                let at = 2 * (tree * height.leavesOfTree + leaf)
                let cipher = TableAES(leaves[at], leaves[at + 1])
                return (0..<(choices.count + 1) / 2).flatMap { block -> [UInt64] in
                    let made = cipher.encrypt(UInt64(block), 0)
                    return [made.low, made.high]
                }
            }
            for (word, choice) in choices.enumerated() {
                for bit in 0..<64 {
                    var (u, v, w) = (0, 0, 0)
                    for (x, stream) in streams.enumerated() where stream[word] >> UInt64(bit) & 1 == 1 {
                        u ^= 1
                        v ^= x
                        w ^= x ^ path
                    }
                    let sent = (mutant == .choicesInTheClear ? 0 : u) ^ Int(choice >> UInt64(bit) & 1)
                    let row = 2 * (64 * word + bit) + tree * height.rawValue / 64
                    let shift = UInt64(tree * height.rawValue % 64)
                    t[row] |= UInt64(v) << shift
                    q[row] |= UInt64(w ^ (sent == 1 ? path : 0)) << shift
                    // Slabs of 32 words, one after the other, and in each a row of every tree.
                    let slab = word / 32 * 32
                    let inSlab = min(32, choices.count - slab)
                    message[height.trees * slab + tree * inSlab + word % 32] |= UInt64(sent) << UInt64(bit)
                }
            }
        }
        return (message, t, q)
    }

    /// 128 bits of a row's pad.
    func pad(_ low: UInt64, _ high: UInt64, block: Int) -> (low: UInt64, high: UInt64) {
        let key = pads.encrypt(UInt64(mutant == .oneKeyForAllBlocks ? 0 : block), 0)
        let made = TableAES(key.low, key.high).encrypt(low, high)
        return (made.low ^ low, made.high ^ high)
    }

    /// The message for a word of the transfer whose row is q, with the low word of a block for its pad.
    func message(_ word: UInt64, _ q: ArraySlice<UInt64>, block: Int) -> UInt64 {
        let (low, high) = (q[q.startIndex], q[q.startIndex + 1])
        return word &+ pad(low, high, block: block).low
            &- pad(low ^ session.delta[0], high ^ session.delta[1], block: block).low
    }
}

private func littleEndian(_ word: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
}
