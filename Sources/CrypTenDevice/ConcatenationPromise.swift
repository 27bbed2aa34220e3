import CrypTenRing

/// Tensors one after the other along an axis: what isn't made yet, and nobody else looks at, is made where it is to lie.
final class ConcatenationPromise: DevicePromise {
    let kernels: DeviceKernels
    private let parts: PromisedOperands
    /// Words of each part, `outer` times: that often all parts follow one another.
    private let runs: [Int]
    private let outer: Int

    init(_ parts: [RingTensor], outer: Int, _ kernels: DeviceKernels) {
        self.kernels = kernels
        self.outer = outer
        runs = parts.map { $0.count / outer }
        self.parts = PromisedOperands(parts.map { StorageView($0) })
    }

    var count: Int {
        outer * runs.reduce(0, +)
    }

    func write(to place: DeviceAddress, _ call: DeviceCall) throws {
        let total = runs.reduce(0, +)
        var start = 0
        for (index, run) in runs.enumerated() {
            let to = place.advanced(words: start)
            start += run
            if outer == 1, try write(index, to: to, call) { continue }
            let view = parts[index]
            let walk = DeviceWalk([outer, run], to: [total, 1], from: [run, 1])
            try call.copy(walk, to: to, from: try call.place(of: view.storage, from: view.firstWord))
        }
    }

    /// Writes a whole part that has no words yet; false where it has, or others would want them.
    private func write(_ index: Int, to place: DeviceAddress, _ call: DeviceCall) throws -> Bool {
        let isShared = parts.isShared(index)
        let view = parts[index]
        switch view.storage.unread {
        case .repeating(let value)?:
            try call.fill(place, runs[index], with: value)
            return true
        case .promise(let promise)? where !isShared && view.storage.count == runs[index]:
            guard let promise = promise as? any DevicePromise else { return false }
            try promise.write(to: place, call)
            return true
        default: return false
        }
    }
}
