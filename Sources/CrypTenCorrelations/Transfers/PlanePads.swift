import CrypTenRing

/// What a plane of choices weighs once, which both sides know: what it takes of a pad.
package enum PadUse: Sendable, Equatable {
    /// Words of 1 to 128 bits.
    case words(width: Int)
    /// 1 to 64 planes of bits.
    case bits(planes: Int)

    /// The bits of a pad.
    var width: Int {
        switch self {
        case .words(let width): width
        case .bits(let planes): planes
        }
    }

    /// Of those, planes of bits.
    var planes: Int {
        if case .bits(let planes) = self { planes } else { 0 }
    }
}

extension PadUse {
    /// In how many passes a plane's pads are hashed for some uses: for each block once, and again for each further use that is words.
    package static func passes(_ uses: [PadUse]) -> Int {
        var (position, passes, last) = (PadPosition(), 0, -1)
        for use in uses {
            let block = position.take(use).block
            if use.planes > 0, block == last { continue }
            passes += 1
            last = block
        }
        return passes
    }
}

/// Where the next bits of a pad are: it goes forward alone, so that no bit of a pad is used twice.
///
/// Both sides ask the same in the same order, and so come to the same places.
private struct PadPosition {
    private var next = 0

    /// The next bits of a pad, in one half of a block; numbers of more than 64 bits get a block of their own.
    mutating func take(_ use: PadUse) -> PadPlace {
        let width = use.width
        precondition(width >= 1 && width <= 128, "\(width) bits of a pad at once")
        if width > 64 {
            next = (next + 127) / 128 * 128
        } else if next % 64 + width > 64 {
            next = (next + 63) / 64 * 64
        }
        defer { next += width > 64 ? 128 : width }
        return PadPlace(block: next / 128, offset: next % 128)
    }
}

/// Where bits of a pad are: in which block, and from which of its 128 bits on.
struct PadPlace {
    let block: Int
    let offset: Int
}

/// A plane's pads, one use after the other.
///
/// A block of a pad is hashed when the first of its bits are used, from rows that are in a cache then. Where it's known what else will take bits of it,
/// planes of bits are made at once: they are few beside a row, and wait for their message.
struct PlanePads<Made> {
    /// All uses, in order; nil where nobody has said.
    private let uses: [PadUse]?
    private var done = 0
    private var position = PadPosition()
    /// By use: what was made before.
    private var made: [Int: Made] = [:]

    init(_ uses: [PadUse]?) {
        self.uses = uses
    }

    /// The next use: its place, or what was made for it.
    mutating func take(_ use: PadUse) -> (place: PadPlace, made: Made?) {
        if let uses { precondition(done < uses.count && uses[done] == use, "\(use) isn't use \(done) of \(uses)") }
        defer { done += 1 }
        return (position.take(use), made.removeValue(forKey: done))
    }

    /// Bits that later uses take of a block.
    func later(in block: Int) -> LaterBits {
        var later = LaterBits()
        guard let uses else { return later }
        var position = position
        for index in done..<uses.count {
            let place = position.take(uses[index])
            guard place.block == block else { break }
            if uses[index].planes > 0, made[index] == nil {
                later.append(uses[index].planes, at: place.offset, for: index)
            }
        }
        return later
    }

    /// Keeps what was made for a later use.
    mutating func keep(_ made: Made, for use: Int) {
        self.made[use] = made
    }
}

/// Planes of bits that later uses take of one block, in planes one after the other.
struct LaterBits {
    /// Whose they are.
    private(set) var uses: [(index: Int, planes: Range<Int>)] = []
    /// Where in the block they are: what follows one another in a half, together.
    private(set) var places: [(offset: Int, planes: Range<Int>)] = []

    var planes: Int { uses.last?.planes.upperBound ?? 0 }

    fileprivate mutating func append(_ count: Int, at offset: Int, for use: Int) {
        let planes = planes..<planes + count
        uses.append((use, planes))
        if let last = places.last, last.offset + last.planes.count == offset, offset % 64 != 0 {
            places[places.count - 1].planes = last.planes.lowerBound..<planes.upperBound
        } else {
            places.append((offset, planes))
        }
    }
}
