import CrypTenBase
import CrypTenPlanning

/// Which kept values are places for shares from outside, and which of those have one that no run has read.
///
/// A share is put in once and read by one run: a run that finds nothing new is refused before anything is sent.
struct SharePlaces {
    /// By number: whether a share waits there.
    private var isFilled: [Int: Bool] = [:]

    /// A kept value becomes a place, empty.
    mutating func add(_ number: Int) {
        isFilled[number] = false
    }

    /// A share was put in.
    ///
    /// - Throws: `.invalidArgument` for what is no place, `.wordReused` where one waits.
    mutating func fill(_ number: Int) throws {
        switch isFilled[number] {
        case nil: throw CrypTenError(.invalidArgument, "kept value \(number) is no place for shares")
        case true?: throw CrypTenError(.wordReused, "a share waits in place \(number) that no run has read yet")
        case false?: isFilled[number] = true
        }
    }

    /// Looks at what a run is to read.
    ///
    /// - Throws: `.invalidArgument` where nothing was put into one of them since the last run.
    func check(_ reads: [KeptRead]) throws {
        if let empty = reads.map(\.number).first(where: { isFilled[$0] == false }) {
            throw CrypTenError(.invalidArgument, "nothing was put into place \(empty) since the last run that read it")
        }
    }

    /// Values are kept no longer.
    mutating func forget(_ numbers: [Int]) {
        for number in numbers { isFilled[number] = nil }
    }

    /// A run has read some places.
    mutating func empty(_ numbers: [Int]) {
        for number in numbers { isFilled[number] = false }
    }
}
