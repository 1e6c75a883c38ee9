import Apus
import ArgumentParser

extension NewCommand {
    func validate() throws {
        guard apusVersion == nil && apusBranch == nil || apus.map(ApusDependency.isURL) ?? false else {
            throw ValidationError("--apus-version and --apus-branch go with --apus URL")
        }
        guard apusVersion == nil || apusBranch == nil else {
            throw ValidationError("--apus-version and --apus-branch exclude each other")
        }
        do throws(ProjectError) {
            _ = try ProjectName(name)
            _ = try dependency(for: folder)
        } catch {
            throw ValidationError("\(error)")
        }
    }

    private var folder: String { TextFile.absolute(path ?? name) }

    func run() throws {
        let project = try ProjectName(name)
        let dependency = try dependency(for: folder)
        let files = template.files(for: project, apus: dependency)
        try NewFolder.fill(folder, with: files)
        print(report(project, dependency, files.count))
    }

    private func dependency(for folder: String) throws(ProjectError) -> ApusDependency {
        guard let apus else {
            guard let executable = TextFile.executable, let checkout = ApusDependency.checkout(around: executable)
            else {
                throw ProjectError(
                    "this tool does not stand in a checkout of Apus: say where Apus is, --apus FOLDER or --apus URL")
            }
            return ApusDependency(
                checkout: checkout, for: folder, note: "\(checkout), the checkout that this tool was built in")
        }
        guard !ApusDependency.isURL(apus) else {
            let current = MainActor.assumeIsolated { Worker.version }
            return try ApusDependency(url: apus, version: apusVersion, branch: apusBranch, current: current)
        }
        let checkout = TextFile.absolute(apus)
        guard ApusDependency.isCheckout(checkout) else {
            throw ProjectError("--apus \(apus): \(checkout) is no checkout of Apus")
        }
        return ApusDependency(checkout: checkout, for: folder, note: checkout)
    }

    private func report(_ project: ProjectName, _ apus: ApusDependency, _ count: Int) -> String {
        """
        Made \(project.program) in \(folder): \(count) files of the template \(template.rawValue).
        Apus comes from \(apus.note).

            cd \(path ?? name)
            swift run \(project.program) start

        builds and starts it, and Ctrl-C stops it. While it runs, in another terminal:

            \(template.trial)

        `swift test` starts it on a port of its own and talks to it. README.md there has the rest.
        """
    }
}
