/// What a device does in a second, as it was measured: what predictions may read.
///
/// A figure that wasn't measured, since it would have taken too long, is nil.
package struct DeviceProfile: Codable, Hashable, Sendable {
    /// What the file is.
    package var format = "crypten-device-profile-1"
    /// What the driver calls the device.
    package var device: String
    /// "cuda" or "opencl".
    package var library: String
    /// A launch of a kernel that does nothing, one behind the other.
    package var launchSeconds: Double?
    /// 32 KiB up, a sum, and 32 KiB down, waited for.
    package var roundSeconds: Double?
    /// Read and written by a copy on the device.
    package var bytesPerSecond: Double?
    package var uploadedBytesPerSecond: Double?
    package var downloadedBytesPerSecond: Double?
    /// 8 bytes each.
    package var expandedWordsPerSecond: Double?
    /// Of a large product word by word.
    package var ringMultiplicationsPerSecond: Double?
    /// Of a large product by residues.
    package var residueMultiplicationsPerSecond: Double?

    package init(device: String, library: String) {
        (self.device, self.library) = (device, library)
    }
}
