/// The package's version, as the tool and the door say it.
package enum CrypTenVersion {
    package static let text = "0.1.0"
}
