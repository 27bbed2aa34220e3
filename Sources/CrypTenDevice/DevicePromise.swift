import CrypTenRing

/// Words that a device's kernels make when somebody reads them.
protocol DevicePromise: WordPromise {
    var kernels: DeviceKernels { get }
    var count: Int { get }

    /// Queues what writes the words at a place of their own.
    func write(to place: DeviceAddress, _ call: DeviceCall) throws
}

extension DevicePromise {
    func compute() throws -> DeviceWords {
        try kernels.computing { call in
            let made = try call.newWords(count)
            try write(to: made.block.address, call)
            return made
        }
    }
}
