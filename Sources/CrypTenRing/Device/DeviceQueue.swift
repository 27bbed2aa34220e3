/// A device's memory, and an in-order queue of what it does with it.
///
/// Blocks are freed to a pool, from which a later call may take them at once: what it does with them is queued behind. A failure stays: after
/// the first one every call throws it, so that what a failed kernel left is never downloaded. Any thread may call.
package protocol DeviceQueue: AnyObject, Sendable {
    /// What stands behind it, such as "opencl".
    var name: String { get }
    /// What the driver calls the device.
    var deviceName: String { get }
    /// All memory that the device has.
    var memoryBytes: Int { get }

    /// A block of at least `bytes`, at least one, that holds whatever it held before.
    ///
    /// - Throws: `.notEnoughDeviceMemory`, after which the queue can still be used, or `.deviceFailed`.
    func allocate(bytes: Int) throws -> DeviceBlock
    /// Gives a block back.
    func free(_ block: DeviceBlock)
    /// Copies to the device; the host's memory may be changed when it returns.
    func upload(_ from: UnsafeRawPointer, bytes: Int, to address: DeviceAddress) throws
    /// Waits for all that was queued before, and copies from the device.
    func download(_ address: DeviceAddress, bytes: Int, to: UnsafeMutableRawPointer) throws
    /// Queues a copy from the device, which takes what is there when all that was queued before is done, and doesn't wait for it.
    func beginDownload(_ address: DeviceAddress, bytes: Int) throws -> any DeviceTransfer
    /// Queues a kernel, which gets one struct by value.
    func launch(_ kernel: String, groups: DeviceGroups, threads: Int, arguments: UnsafeRawBufferPointer) throws
    /// Queues the overwriting of `bytes` with zeros.
    func wipe(_ address: DeviceAddress, bytes: Int) throws
    /// Waits for all that was queued.
    func finish() throws
    /// Throws what has failed, if something has; waits for nothing.
    func check() throws
    /// Overwrites blocks that were given back, as `StoragePool.wipeKept` does on the host.
    func wipeKept() throws
}

/// A copy from a device's memory that is on its way to the host's.
///
/// The host's memory is the transfer's: memory that the device writes at full speed, where there is such, overwritten when the transfer goes.
package protocol DeviceTransfer: AnyObject, Sendable {
    /// Waits for the copy.
    ///
    /// - Returns: what was copied; it lies there as long as the transfer lives.
    /// - Throws: `.deviceFailed`.
    func wait() throws -> UnsafeRawBufferPointer
}

/// A place in a device's memory, in bytes.
package typealias DeviceAddress = UInt64

/// Memory of a device.
package struct DeviceBlock: Sendable {
    package let address: DeviceAddress
    package let bytes: Int

    package init(address: DeviceAddress, bytes: Int) {
        self.address = address
        self.bytes = bytes
    }
}

/// How many groups of work-items a kernel runs in, along three axes.
package struct DeviceGroups: Hashable, Sendable {
    package var x, y, z: Int

    package init(_ x: Int, _ y: Int = 1, _ z: Int = 1) {
        (self.x, self.y, self.z) = (x, y, z)
    }

    /// Groups for one work-item an element.
    package init(for count: Int, threads: Int) {
        self.init((count + threads - 1) / threads)
    }

    package var isEmpty: Bool {
        x == 0 || y == 0 || z == 0
    }
}
