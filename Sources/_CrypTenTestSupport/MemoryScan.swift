#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Bytes that can be found in this process's memory, wherever they are: sequences of words of which each follows from the one before.
///
/// So nobody who looks for one holds one, and neither freed memory nor copies that nobody meant to make escape. Linux shows a process its
/// own memory; elsewhere nothing can be looked for.
package struct MemoryMarker: Sendable {
    /// How many words in a row are no accident.
    private static let leastRun = 12

    private let multiplier: UInt64

    /// Markers of different numbers aren't taken for one another.
    package init(_ number: UInt64) {
        multiplier = 0x5851_F42D_4C95_7F2D &+ number << 3
    }

    @inline(__always)
    fileprivate func next(_ word: UInt64) -> UInt64 {
        word &* multiplier &+ 0x1405_7B7E_F767_814F
    }

    /// Writes a sequence that begins with any word.
    package func write(_ count: Int, from seed: UInt64, to words: UnsafeMutablePointer<UInt64>) {
        var word = seed
        for index in 0..<count {
            word = next(word)
            words[index] = word
        }
    }

    #if os(Linux)
    /// How often a sequence is found in memory that this process may write.
    package func occurrences() throws -> Int {
        let memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC)
        guard memory >= 0 else { throw Unreadable() }
        defer { close(memory) }
        // Outside the allocator's memory, and known by its address.
        let size = 1 << 20
        let map = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let window = map, window != MAP_FAILED else { throw Unreadable() }
        defer {
            memset(window, 0, size)
            munmap(window, size)
        }
        let own = UInt(bitPattern: window)..<UInt(bitPattern: window) + UInt(size)
        var found = 0
        for region in try regions() {
            var search = Search()
            for part in [region.clamped(to: 0..<own.lowerBound), region.clamped(to: own.upperBound..<UInt.max)] {
                for at in stride(from: part.lowerBound, to: part.upperBound, by: size) {
                    let got = pread(memory, window, min(size, Int(part.upperBound - at)), off_t(at))
                    if got > 0 { search.add(UnsafeRawBufferPointer(start: window, count: got), after: self) }
                }
            }
            found += search.found
        }
        return found
    }

    private struct Unreadable: Error {}

    /// Writable memory of this process that isn't a file's; no more of it than a test may look at.
    private func regions() throws -> [Range<UInt>] {
        guard let file = fopen("/proc/self/maps", "re") else { throw Unreadable() }
        defer { fclose(file) }
        var regions: [Range<UInt>] = []
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, CInt(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            let parts = text.split(whereSeparator: \.isWhitespace)
            let ends = parts.first?.split(separator: "-").compactMap { UInt($0, radix: 16) } ?? []
            guard ends.count == 2, parts.count >= 5, parts[1].hasPrefix("rw"), parts[4] == "0" else { continue }
            guard ends[1] - ends[0] <= 4 << 30 else { continue }
            regions.append(ends[0]..<ends[1])
        }
        return regions
    }

    /// What was found so far in words that come piece by piece.
    private struct Search {
        var found = 0
        private var run = 0
        private var last: UInt64 = 0

        mutating func add(_ bytes: UnsafeRawBufferPointer, after marker: MemoryMarker) {
            for word in bytes.bindMemory(to: UInt64.self) {
                run = word == marker.next(last) ? run + 1 : 0
                if run == MemoryMarker.leastRun { found += 1 }
                last = word
            }
        }
    }
    #endif
}
