import CrypTenDevice

/// A device whose speeds are round numbers.
enum KnownDevice {
    /// So fast that only what a test makes slow takes time.
    static let fast = 1e30

    /// - Parameter launch: Seconds of a launch.
    static func profile(launch: Double = 1e-30) -> DeviceProfile {
        var profile = DeviceProfile(device: "a card of round numbers", library: "opencl", memoryBytes: 1 << 34)
        profile.launchSeconds = launch
        (profile.submitSeconds, profile.uploadSeconds, profile.downloadSeconds) = (1 / fast, 1 / fast, 1 / fast)
        (profile.uploadedBytesPerSecond, profile.downloadedBytesPerSecond) = (fast, fast)
        (profile.bytesPerSecond, profile.sinesPerSecond) = (fast, fast)
        for name in KernelName.allCases { profile.kernels[name.rawValue] = .init(perSecond: fast) }
        return profile
    }
}
