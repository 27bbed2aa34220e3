import CrypTenRing

/// Elements of a storage in another order, some of them perhaps more than once: copied when somebody reads them who can't read them where
/// they lie.
final class ViewPromise: DevicePromise {
    let kernels: DeviceKernels
    /// Where the first element lies.
    let source: StorageView
    /// Where the others do, in the storage (`from`), and in the copy.
    let walk: DeviceWalk
    /// Whether those who read the elements where they lie are better off than with a copy, however many they are: where some lie there once
    /// for all, or are so few that reading them across takes less time than a kernel that copies them.
    let needsNoCopy: Bool

    init(_ a: RingTensor, _ view: StridedView, _ walk: DeviceWalk, _ kernels: DeviceKernels) {
        self.kernels = kernels
        var source = StorageView(a)
        source.firstWord += view.offset
        self.source = source
        self.walk = walk
        needsNoCopy = walk.from.contains(0) || walk.count <= 1 << 17
    }

    var count: Int {
        walk.count
    }

    func write(to place: DeviceAddress, _ call: DeviceCall) throws {
        try call.copy(walk, to: place, from: try call.place(of: source.storage, from: source.firstWord))
    }
}
