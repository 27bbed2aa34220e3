import CCrypTenKernels
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#endif

/// Large blocks of memory that were given back, kept for the next tensors of their size.
///
/// A block that the operating system gives has to be cleared, page by page, which takes longer than adding two tensors; a run
/// allocates the same sizes again and again. Sizes are rounded up to one of four steps between powers of two, so that at most a
/// fifth is unused. What is kept is bounded, and what wasn't asked for longest goes first. Where a process must not go beyond
/// some memory, what is kept and what is in use are bounded together: blocks are kept only while few are in use.
///
/// Of each size no more is kept than recent runs had at once: what only the first run of a session needed, which masks all
/// data, goes back to the system a few runs later. A long session's memory so follows from its runs, however they interleave.
///
/// What leaves the pool for the allocator is overwritten first. A block that is kept goes to its next owner as it is, which writes
/// every word before it reads one; `wipeKept` overwrites those that had an owner since it was called before.
package final class StoragePool: Sendable {
    /// A block and the words that fit into it.
    package struct Block: @unchecked Sendable {
        // The owner of a block is the only one who touches what it points to.
        package let words: UnsafeMutablePointer<UInt64>
        package let capacity: Int
    }

    private struct Shelf {
        /// Kept, those that hold nothing first.
        var blocks: [Block] = []
        /// How many of them, from the first on, hold nothing but zeros.
        var wiped = 0
        var lastUse: UInt64 = 0
        /// That tensors have now, and the most at once since this span of runs began, and in the span before.
        var used = 0
        var most = 0
        var mostBefore = 0

        mutating func tookOne() {
            used += 1
            most = max(most, used)
        }

        /// Takes the blocks that no run of this span or of the one before would have had a use for, and begins another span.
        mutating func takeSurplus() -> ArraySlice<Block> {
            let surplus = min(blocks.count, max(0, blocks.count + used - max(most, mostBefore)))
            (mostBefore, most) = (most, used)
            let taken = blocks.prefix(surplus)
            blocks.removeFirst(surplus)
            wiped = max(0, wiped - surplus)
            return taken
        }
    }

    private struct State {
        /// By the number of the size: found under the lock without a search, for three members of a process wait for it.
        var shelves = [Shelf](repeating: Shelf(), count: StoragePool.number(ofSize: Int.max >> 1) + 1)
        var keptWords = 0
        /// Of large blocks that tensors have.
        var usedWords = 0
        /// The most words that were in use, and the most that were in use or kept.
        var mostUsedWords = 0
        var mostHeldWords = 0
        var uses: UInt64 = 0
        var runs = 0
        /// The most words that are kept, and the most that are kept and in use together.
        var limitWords: Int
        var totalWords = Int.max

        /// A kept block of a size, those that are still in a cache first.
        mutating func takeKept(_ number: Int) -> Block? {
            guard let block = shelves[number].blocks.popLast() else { return nil }
            keptWords -= block.capacity
            shelves[number].wiped = min(shelves[number].wiped, shelves[number].blocks.count)
            return block
        }

        var keepsTooMuch: Bool {
            keptWords > limitWords || keptWords > 0 && keptWords > totalWords - usedWords
        }

        mutating func note() {
            mostUsedWords = max(mostUsedWords, usedWords)
            mostHeldWords = max(mostHeldWords, usedWords + keptWords)
        }
    }

    /// For so many runs, and as many again, what one of them needed is kept.
    private static let runsOfSpan = 4

    /// Tensors of fewer words are the allocator's business: it keeps small blocks itself.
    package static let leastWords = 1 << 12
    package static let shared = StoragePool(limit: 512 << 20)

    private let state: Mutex<State>

    /// - Parameter limit: The bytes that are kept at most.
    package init(limit: Int) {
        state = Mutex(State(limitWords: limit / 8))
    }

    /// What fills blocks when they are handed out, and when they come back, so that a test sees who reads a word that it hasn't
    /// written; 0 for nobody, who gets whatever was there.
    let poison = Atomic<UInt64>(0)

    private func fill(_ block: Block) {
        let poison = poison.load(ordering: .relaxed)
        if poison != 0 { block.words.update(repeating: poison, count: block.capacity) }
    }

    /// From now on blocks are kept only as long as they and those in use take no more than `total` bytes together.
    ///
    /// Tensors get what they need, whatever the limit.
    func bound(total: Int) {
        let evicted = state.withLock { state in
            state.totalWords = total / 8
            return StoragePool.evict(&state)
        }
        StoragePool.free(evicted)
    }

    /// Overwrites what was given back and is kept, if it had an owner since this was called before.
    ///
    /// - Complexity: the memory that was in use meanwhile, once, at the speed of memory.
    package func wipeKept() {
        // Each shelf's blocks are out of reach while they are overwritten, and out of nobody's way.
        let used = state.withLock { state in
            state.shelves.indices.filter { state.shelves[$0].blocks.count > state.shelves[$0].wiped }
        }
        for number in used {
            while let block = takeUsed(number) {
                cct_wipe(block.words, block.capacity * 8)
                putWiped(block)
            }
        }
        StoragePool.free(endRun(), toSystem: true)
    }

    /// Gives back all that is kept.
    package func giveBackKept() {
        let kept = state.withLock { state in
            defer { state.keptWords = 0 }
            return state.shelves.indices.reduce(into: [Block]()) { kept, number in
                kept += state.shelves[number].blocks
                state.shelves[number].blocks = []
                state.shelves[number].wiped = 0
            }
        }
        StoragePool.free(kept, toSystem: true)
    }

    /// Counts a run; returns what recent ones had no use for.
    private func endRun() -> [Block] {
        state.withLock { state in
            state.runs += 1
            guard state.runs % StoragePool.runsOfSpan == 0 else { return [] }
            return state.shelves.indices.reduce(into: []) { surplus, number in
                let taken = state.shelves[number].takeSurplus()
                state.keptWords -= taken.reduce(0) { $0 + $1.capacity }
                surplus += taken
            }
        }
    }

    /// From now on `mostBytes` says what was the most since now.
    package func measureAnew() {
        state.withLock { state in
            (state.mostUsedWords, state.mostHeldWords) = (0, 0)
            state.note()
        }
    }

    /// The bytes that are kept for later tensors.
    package var keptBytes: Int {
        state.withLock { $0.keptWords * 8 }
    }

    /// The most bytes of large blocks that tensors had at once, and the most that they had or that were kept for them.
    package var mostBytes: (used: Int, held: Int) {
        state.withLock { ($0.mostUsedWords * 8, $0.mostHeldWords * 8) }
    }

    private func takeUsed(_ number: Int) -> Block? {
        state.withLock { state in
            guard state.shelves[number].blocks.count > state.shelves[number].wiped,
                let block = state.shelves[number].blocks.popLast()
            else { return nil }
            state.keptWords -= block.capacity
            // In use until it's back.
            state.usedWords += block.capacity
            return block
        }
    }

    private func putWiped(_ block: Block) {
        let evicted = state.withLock { state -> [Block] in
            state.usedWords -= block.capacity
            state.keptWords += block.capacity
            let number = StoragePool.number(ofSize: block.capacity)
            state.shelves[number].blocks.insert(block, at: 0)
            state.shelves[number].wiped += 1
            return state.keepsTooMuch ? StoragePool.evict(&state) : []
        }
        StoragePool.free(evicted)
    }

    /// Whether all that is kept is zeros.
    var keepsNothingUsed: Bool {
        state.withLock { state in
            state.shelves.allSatisfy { shelf in
                shelf.blocks.count == shelf.wiped
                    && shelf.blocks.allSatisfy { block in (0..<block.capacity).allSatisfy { block.words[$0] == 0 } }
            }
        }
    }

    /// A block of at least so many words, which hold whatever they held before.
    package func take(words: Int) -> Block {
        let block = takeAsItIs(words: words)
        fill(block)
        return block
    }

    private func takeAsItIs(words: Int) -> Block {
        guard words >= StoragePool.leastWords else { return StoragePool.allocate(max(words, 1)) }
        let capacity = StoragePool.rounded(words)
        let (known, evicted) = state.withLock { state -> (Block?, [Block]) in
            state.uses += 1
            state.usedWords += capacity
            let number = StoragePool.number(ofSize: capacity)
            state.shelves[number].lastUse = state.uses
            state.shelves[number].tookOne()
            defer { state.note() }
            guard let block = state.takeKept(number) else {
                return (nil, state.keepsTooMuch ? StoragePool.evict(&state) : [])
            }
            return (block, [])
        }
        StoragePool.free(evicted)
        guard let known else { return StoragePool.allocate(capacity) }
        cct_block_taken_over(known.words)
        return known
    }

    /// Takes a block back.
    package func giveBack(_ block: Block) {
        fill(block)
        guard block.capacity >= StoragePool.leastWords else { return StoragePool.free(CollectionOfOne(block)) }
        cct_block_handed_over(block.words)
        let evicted = state.withLock { state -> [Block] in
            state.uses += 1
            state.usedWords -= block.capacity
            let number = StoragePool.number(ofSize: block.capacity)
            state.shelves[number].used -= 1
            guard block.capacity <= state.limitWords else { return [block] }
            state.shelves[number].lastUse = state.uses
            state.shelves[number].blocks.append(block)
            state.keptWords += block.capacity
            return state.keepsTooMuch ? StoragePool.evict(&state) : []
        }
        StoragePool.free(evicted)
    }

    /// Overwrites blocks and gives them to the allocator.
    ///
    /// - Parameter toSystem: Whether their pages are the system's then, also where the allocator keeps the addresses.
    private static func free(_ blocks: some Sequence<Block>, toSystem: Bool = false) {
        for block in blocks {
            cct_wipe(block.words, block.capacity * 8)
            if toSystem { cct_pages_give_back(block.words, block.capacity * 8) }
            #if canImport(Glibc)
            Glibc.free(block.words)
            #elseif canImport(Darwin)
            Darwin.free(block.words)
            #elseif canImport(Musl)
            Musl.free(block.words)
            #endif
        }
    }

    /// Blocks to be freed, until no more is kept than may be.
    private static func evict(_ state: inout State) -> [Block] {
        var evicted: [Block] = []
        while state.keepsTooMuch, let oldest = oldest(state.shelves),
            let block = state.takeKept(oldest)
        {
            evicted.append(block)
        }
        return evicted
    }

    private static func oldest(_ shelves: [Shelf]) -> Int? {
        shelves.indices.lazy.filter { !shelves[$0].blocks.isEmpty }.min { shelves[$0].lastUse < shelves[$1].lastUse }
    }

    /// The next number of the form (4 … 7) · 2^k, and of whole large pages where there are several.
    package static func rounded(_ words: Int) -> Int {
        let step = 1 << (Int.bitWidth - 1 - words.leadingZeroBitCount - 2)
        let size = (words + step - 1) / step * step
        return size < 2 * largePage ? size : (size + largePage - 1) / largePage * largePage
    }

    /// Counts the sizes: of one of the form (4 … 7) · 2^k, as `rounded` gives them, 4 · k and what it is beyond 4.
    private static func number(ofSize words: Int) -> Int {
        let power = Int.bitWidth - 1 - words.leadingZeroBitCount - 2
        return 4 * power + (words >> power) - 4
    }

    /// Where large pages are, in words: blocks of several are aligned to them, for one fault instead of hundreds.
    private static let largePage = 1 << 18

    private static func allocate(_ words: Int) -> Block {
        let isLarge = words >= 2 * largePage
        let unit = isLarge ? largePage * 8 : 64
        let bytes = (words * 8 + unit - 1) / unit * unit
        guard let raw = aligned_alloc(unit, bytes) else { fatalError("out of memory: \(words) words") }
        #if os(Linux)
        if isLarge { madvise(raw, bytes, MADV_HUGEPAGE) }
        #endif
        return Block(words: raw.bindMemory(to: UInt64.self, capacity: words), capacity: words)
    }
}
