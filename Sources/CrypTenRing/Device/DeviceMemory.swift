/// The memory of a device, as those know it who compute in it: two that name the same can read each other's words where they lie.
package struct DeviceMemory: Hashable, Sendable {
    /// Its queue: what one of them has queued is done before what another queues after it.
    package let identity: ObjectIdentifier
    /// All that it has.
    package let bytes: Int

    package init(of queue: any DeviceQueue) {
        identity = ObjectIdentifier(queue)
        bytes = queue.memoryBytes
    }
}
