import CrypTenRing
import Foundation

/// What held a client's share is overwritten before its memory is somebody else's: as far as nobody else has it, too.
extension Array where Element: FixedWidthInteger {
    /// Overwrites the elements, and leaves none.
    package mutating func wipe() {
        withUnsafeMutableBytes { ProcessMemory.overwrite($0) }
        self = []
    }
}

extension Data {
    /// Overwrites the bytes, and leaves none.
    package mutating func wipe() {
        withUnsafeMutableBytes { ProcessMemory.overwrite($0) }
        self = Data()
    }
}
