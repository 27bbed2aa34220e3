import CrypTenBase

/// A host that queues, and a device that does what is queued, in time that a profile predicts.
///
/// The device does one kernel after the other, each from when it's queued and the one before is done. Copies to the host go beside kernels, one
/// behind the other, from when what was queued before is done. The host works meanwhile, and waits where it reads what the device has made.
struct DeviceClock: Sendable {
    private let profile: DeviceProfile
    /// Seconds that the host has worked since some moment, without the driver's part.
    private let host: @Sendable () -> Double
    /// What the host has given to the driver, and has waited.
    private var waited = 0.0
    /// When all kernels are done that are queued, and all copies.
    private var kernelsEnd = 0.0
    private var copiesEnd = 0.0

    init(_ profile: DeviceProfile, host: @escaping @Sendable () -> Double) {
        self.profile = profile
        self.host = host
    }

    /// The host's time.
    var now: Double {
        host() + waited
    }

    /// When all is done that is queued.
    var end: Double {
        max(kernelsEnd, copiesEnd)
    }

    /// Queues a kernel.
    ///
    /// - Returns: The device's seconds.
    /// - Throws: `.invalidArgument` where the profile says nothing of the kernel.
    mutating func launch(_ kernel: KernelName, _ work: KernelWork) throws -> Double {
        let seconds = try profile.seconds(of: kernel, work)
        waited += profile.submitSeconds
        kernelsEnd = max(kernelsEnd, now) + seconds
        return seconds
    }

    /// Copies to the device, which the host does.
    mutating func upload(bytes: Int) -> Double {
        let seconds = profile.uploadSeconds + Double(bytes) / profile.uploadedBytesPerSecond
        waited += seconds
        return seconds
    }

    /// Queues a copy to the host.
    ///
    /// - Returns: When it's there, and its seconds.
    mutating func download(bytes: Int) -> (end: Double, seconds: Double) {
        let seconds = profile.downloadSeconds + Double(bytes) / profile.downloadedBytesPerSecond
        copiesEnd = max(copiesEnd, kernelsEnd, now) + seconds
        return (copiesEnd, seconds)
    }

    /// The host waits.
    mutating func wait(until end: Double) {
        waited += max(0, end - now)
    }
}
