// swift-tools-version: 6.1

import Foundation
import PackageDescription

/// The library's settings. Continuous integration sets `CRYPTEN_WARNINGS_AS_ERRORS`.
let swiftSettings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"), .enableUpcomingFeature("InternalImportsByDefault"),
    ]
    + (ProcessInfo.processInfo.environment["CRYPTEN_WARNINGS_AS_ERRORS"] == nil
        ? [] : [.unsafeFlags(["-warnings-as-errors"])])

/// The programs, in alphabetical order: each is the folder of its name in `Sources`.
let examples = [
    "ContextualBandits",
    "FineTuning",
    "LeNetOnDigits",
    "LinearSVM",
    "PrivateEvaluation",
    "PrivateTraining",
    "ResNetOnImages",
    "SpeechCommands",
    "TextClassification",
    "VerticalLogisticRegression",
]

let package = Package(
    name: "crypten-examples",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "swift-crypten", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        .target(
            name: "ExampleSupport",
            dependencies: [.product(name: "CrypTen", package: "swift-crypten")],
            swiftSettings: swiftSettings
        )
    ]
        + examples.map { name in
            .executableTarget(
                name: name,
                dependencies: [
                    "ExampleSupport",
                    .product(name: "CrypTen", package: "swift-crypten"),
                    .product(name: "CrypTenONNX", package: "swift-crypten"),
                    .product(name: "ArgumentParser", package: "swift-argument-parser"),
                ],
                swiftSettings: swiftSettings
            )
        }
)
