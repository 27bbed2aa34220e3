import CrypTenRing

/// What a promise reads: it can tell whether others look into its storages.
///
/// Safety of `@unchecked Sendable`: nothing is written from `init` to `deinit`; to tell is to read a count of references, which others may
/// change meanwhile. Whoever is told that nobody else looks is right for good: others get to a storage through a tensor that looks into it, and
/// there is none, or through the promise, of which they make what they need for themselves.
final class PromisedOperands: @unchecked Sendable {
    private let views: UnsafeMutableBufferPointer<StorageView>

    init(_ views: [StorageView]) {
        self.views = .allocate(capacity: views.count)
        _ = self.views.initialize(from: views)
    }

    deinit {
        views.deinitialize()
        views.deallocate()
    }

    var count: Int {
        views.count
    }

    subscript(index: Int) -> StorageView {
        views[index]
    }

    /// Whether somebody else looks into an operand's storage: ask before there is a copy of the view, which looks, too.
    func isShared(_ index: Int) -> Bool {
        !isKnownUniquelyReferenced(&views[index].storage)
    }
}
