private import CCrypTenKernels
internal import CrypTenBase

/// Trees of keys: a node's children are the first two blocks of AES under it, and the leaves of a tree are numbered by their paths, the
/// top level in the highest bit.
///
/// One side draws the roots and knows all leaves. The other is to know all but leaf α of each tree, which the first may not learn. On each
/// level, all nodes to the left have a sum, and all to the right, too. Who lacks the node on α's path knows all others, so of the next level all
/// but two children, the one on the path and its sibling; and with the sum of the side that the sibling is on, the sibling as well.
/// It mustn't have the other sum, from which the path would follow: a base transfer a level gives it the one. So k transfers puncture
/// a tree of 2^k leaves, 128 for all of 128/k trees, and α is 128 bits of choices, negated: Δ.
///
/// > Goldreich, Goldwasser, Micali, "How to construct random functions", J. ACM 1986; Boyle et al., "Efficient two-round OT
/// > extension and silent non-interactive secure computation", CCS '19; Roy, "SoftSpokenOT", CRYPTO '22.
enum TransferTrees {
    /// Bytes of the sums of all levels, masked: two blocks for each of 128 base transfers.
    static let messageBytes = 128 * 32

    /// Draws the roots: all leaves, and for each bit of Δ the sums of the left and of the right nodes of its level, masked with `keys` of
    /// the base transfers.
    static func grow(
        _ height: TreeHeight,
        keys: SecretWords,
        _ kernels: TransferKernels
    ) -> (leaves: SecretWords, message: [UInt8]) {
        let levels = height.rawValue
        let leaves = SecretWords(2 * height.leaves)
        let sums = SecretWords(128 * 4)
        let roots = SecretWords.drawn(2 * height.trees)
        for tree in 0..<height.trees {
            let nodes = leaves.words + 2 * height.leavesOfTree * tree
            nodes.update(from: roots.words + 2 * tree, count: 2)
            for level in 0..<levels {
                let sum = sums.words + 4 * bit(tree, level, height)
                sum.update(from: keys.words + 4 * bit(tree, level, height), count: 4)
                for node in (0..<1 << level).reversed() {
                    kernels.children(of: nodes, node)
                    for word in 0..<4 { sum[word] ^= nodes[4 * node + word] }
                }
            }
        }
        return (leaves, Array(UnsafeRawBufferPointer(start: sums.words, count: messageBytes)))
    }

    /// The leaves that who has Δ can know: leaf x of a tree at place `x ⊕ α`, zero at place 0.
    ///
    /// So which leaf is missing shows in no address: what the sides of a level are called changes with a bit of α, by exchanges under masks.
    ///
    /// `keys` are those of the base transfers, chosen by the bits of `~Δ`.
    ///
    /// - Throws: `.malformedFrame` where the message has another length than what `grow` sends.
    static func puncture(
        _ height: TreeHeight,
        delta: SecretWords,
        message: [UInt8],
        keys: SecretWords,
        _ kernels: TransferKernels
    ) throws(CrypTenError) -> SecretWords {
        guard message.count == messageBytes else {
            throw BaseTransfer.wrongLength(message.count, of: messageBytes)
        }
        let sums = SecretWords(128 * 4)
        UnsafeMutableRawBufferPointer(start: sums.words, count: messageBytes).copyBytes(from: message)
        let leaves = SecretWords(2 * height.leaves)
        for tree in 0..<height.trees {
            let first = 2 * height.leavesOfTree * tree
            let nodes = leaves.words + first
            for level in 0..<height.rawValue {
                let index = bit(tree, level, height)
                let turn = delta[index / 64] >> UInt64(index % 64)
                // The sum of the side that the path doesn't take: the left one where the path goes right.
                TransferKernels.exchange(sums, 4 * index, 4 * index + 2, count: 2, where: turn ^ 1)
                var (low, high) = (sums[4 * index] ^ keys[2 * index], sums[4 * index + 1] ^ keys[2 * index + 1])
                for node in (1..<1 << level).reversed() {
                    kernels.children(of: nodes, node)
                    TransferKernels.exchange(leaves, first + 4 * node, first + 4 * node + 2, count: 2, where: turn)
                    low ^= nodes[4 * node + 2]
                    high ^= nodes[4 * node + 3]
                }
                nodes[0] = 0
                nodes[1] = 0
                nodes[2] = low
                nodes[3] = high
            }
        }
        return leaves
    }

    /// The bit of Δ that a level decides; the top level the highest one of its tree.
    private static func bit(_ tree: Int, _ level: Int, _ height: TreeHeight) -> Int {
        height.rawValue * (tree + 1) - 1 - level
    }
}

extension TransferKernels {
    /// Puts a node's children where the next level has them: in descending order of nodes, none is overwritten before it's used.
    fileprivate func children(of nodes: UnsafeMutablePointer<UInt64>, _ node: Int) {
        expand(nodes + 2 * node, number: 0, count: 4, to: nodes + 4 * node)
    }
}
