import CrypTen
import Synchronization

/// Which slice of a batch is under way: joined to what a session tells of its run.
final class SliceProgress: Sendable {
    private let state = Mutex((index: 0, count: 1))

    /// A slice, counted from 0, begins.
    func begin(_ index: Int, of count: Int) {
        state.withLock { $0 = (index, count) }
    }

    /// The layer, after the slice where there are several; and the share of all slices that is done.
    func joined(_ run: RunProgress) -> (layer: String?, fraction: Double) {
        let (index, count) = state.withLock { $0 }
        guard count > 1 else { return (run.layer, run.fraction) }
        let slice = "slice \(index + 1) of \(count)"
        return (run.layer.map { "\(slice)  \($0)" } ?? slice, (Double(index) + run.fraction) / Double(count))
    }
}
