import Foundation
import Testing

@Suite struct `The manual as a web site` {
    /// DocC finds what is wrong with links, and with the reference of what is public.
    @Test func `is rendered without a warning`() async throws {
        let site = FileManager.default.temporaryDirectory.appendingPathComponent("site-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: site) }
        let script = SourceTree.root.appendingPathComponent("Tests/render-manual.sh").path
        let (status, output) = try await SnippetCompiler.run([script, site.path, SnippetCompiler.products.path])
        #expect(status == 0, "\(output)")
        let pages = try FileManager.default.contentsOfDirectory(
            atPath: site.appendingPathComponent("data/documentation/apus").path)
        let missing = Manual.pages.map { $0.name.lowercased() + ".json" }.filter { $0 != "apus.json" }
        #expect(Set(missing).isSubset(of: pages), "\(Set(missing).subtracting(pages))")
    }

    /// `sysctl` reads it: what follows a value would be part of it.
    @Test func `shows the file of kernel settings that is in the repository`() throws {
        let file = "Sources/Apus/Apus.docc/60-server.conf"
        let settings = try String(contentsOf: SourceTree.root.appendingPathComponent(file), encoding: .utf8)
        let page = try #require(Manual.pages.first { $0.name == "Deploying" })
        let text = page.file.lines.joined(separator: "\n")
        #expect(text.contains("`\(file)`") && text.contains("```\n\(settings)```"))
        for line in settings.split(separator: "\n") where !line.hasPrefix("#") {
            #expect(line.wholeMatch(of: /-?[a-z0-9_.-]+ = [0-9]+( [0-9]+)?/) != nil, "\(line)")
        }
    }
}
