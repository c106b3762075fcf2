#include "smtpd/commands/report.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <deque>
#include <filesystem>
#include <iomanip>
#include <ostream>
#include <sstream>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/config/tables.h"
#include "common/process/pid_file.h"
#include "smtpd/commands/daemons.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/mail_log.h"
#include "smtpd/commands/postconf.h"
#include "smtpd/commands/queue_access.h"
#include "smtpd/commands/service.h"
#include "smtpd/commands/usage.h"
#include "store/maps/written_values.h"

namespace pennypost::smtp {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t secret_file_bytes_max = 64 * 1024;
constexpr std::size_t files_shown_max = 200;

std::string first_line_with(const std::string& file, std::string_view beginning) {
  auto text = read_file(file, secret_file_bytes_max);
  if (!text || !*text) return "";
  for (auto line : split(**text, '\n')) {
    if (line.starts_with(beginning)) return std::string(line.substr(beginning.size()));
  }
  return "";
}

void title(std::ostream& out, std::string_view text) { out << "\n--- " << text << "\n"; }

void show_system(std::ostream& out) {
  utsname system{};
  ::uname(&system);
  out << "Pennypost " << PENNYPOST_VERSION << "\n"
      << "system: " << first_line_with("/etc/os-release", "PRETTY_NAME=") << ", " << system.sysname
      << " " << system.release << " " << system.machine << "\n"
      << "processors: " << ::sysconf(_SC_NPROCESSORS_ONLN)
      << ", memory: " << trim(first_line_with("/proc/meminfo", "MemTotal:")) << "\n"
      << "run by: uid " << ::geteuid() << "\n";
}

void show_daemons(const Config& config, std::ostream& out) {
  title(out, "daemons");
  for (const auto& daemon : all_daemons()) {
    auto pid = PidFile::running(config.base_dir, daemon.name);
    out << daemon.name << ": " << (pid ? "runs" : "does not run") << "\n";
  }
}

std::string owner_text(const struct stat& status) {
  const passwd* user = ::getpwuid(status.st_uid);
  const group* found = ::getgrgid(status.st_gid);
  return (user ? user->pw_name : std::to_string(status.st_uid)) + ":" +
         (found ? found->gr_name : std::to_string(status.st_gid));
}

void show_file(const std::string& path, std::ostream& out) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    out << path << ": missing\n";
    return;
  }
  const char* kind = S_ISDIR(status.st_mode) ? "d" : S_ISLNK(status.st_mode) ? "l" : "-";
  out << kind << std::oct << std::setw(5) << std::setfill('0') << (status.st_mode & 07777u)
      << std::dec << " " << owner_text(status) << " " << status.st_size << " "
      << printable(path, 300) << "\n";
}

void show_files(const Config& config, const std::string& directory, std::ostream& out) {
  title(out, "owners and modes");
  std::vector<std::string> paths;
  std::error_code problem;
  for (fs::directory_iterator entry(directory, problem), end; !problem && entry != end;
       entry.increment(problem)) {
    paths.push_back(entry->path());
  }
  std::ranges::sort(paths);
  if (paths.size() > files_shown_max) paths.resize(files_shown_max);
  paths.insert(paths.begin(), directory);
  for (const char* name : {"queue_directory", "data_directory", "index_directory", "base_dir",
                           "virtual_mailbox_base", "mail_spool_directory"}) {
    paths.push_back(config.text(name));
  }
  for (const char* below : {"/db", "/body", "/maildrop", "/socket"}) {
    paths.push_back(config.queue_directory + below);
  }
  paths.push_back(config.command_directory + "/postdrop");
  for (const auto& path : paths) show_file(path, out);
}

void show_queue(const std::shared_ptr<const Config>& config, std::ostream& out) {
  title(out, "queue");
  auto client = QueueClient::connect(config->queue_directory);
  auto page = client ? client->call(ListQueue{}) : Result<ListQueue::Page>(client.error());
  if (page) {
    out << page->waiting << " messages wait\n";
  } else {
    out << page.error().text() << "\n";
  }
}

void show_log(const Config& config, std::ostream& out) {
  title(out, "the last warnings and errors");
  auto log = MailLog::find(config, std::time(nullptr) - report_days * 86400);
  if (!log) {
    out << log.error().text() << "\n";
    return;
  }
  std::deque<std::string> last;
  auto read = log->read([&](std::string_view lines) {
    for (auto line : split(lines, '\n')) {
      bool is_wanted = line.find("warning: ") != line.npos || line.find("error: ") != line.npos ||
                       line.find("fatal: ") != line.npos || line.find("panic: ") != line.npos;
      if (!is_wanted) continue;
      last.push_back(printable(line, 1000));
      if (last.size() > report_log_lines) last.pop_front();
    }
  });
  if (!read) out << read.error().text() << "\n";
  for (const auto& line : last) out << line << "\n";
}

/// Each word of a value, and the parts of `user:password`.
void add_words(std::string_view value, std::vector<std::string>& secrets) {
  for (auto word : words(value, " \t\r\n,=")) {
    secrets.emplace_back(word);
    for (auto part : split(word, ':')) secrets.emplace_back(part);
  }
}

/// What stands in the tables of passwords, in the files of secrets, and after `password =` and the
/// like in the files that tell how a directory or database is reached.
std::vector<std::string> secrets_of(const Config& config) {
  std::vector<std::string> secrets;
  for (const auto& named : tables_in(config)) {
    bool is_of_passwords = named.parameter == "credentials_map" ||
                           named.parameter.find("password") != std::string::npos;
    if (is_of_passwords) {
      auto values = store::written_values(named.table);
      if (values) {
        for (const auto& one : *values) add_words(one.value, secrets);
      }
    }
    if (!named.table.name.starts_with('/')) continue;
    auto text = read_file(named.table.name, secret_file_bytes_max);
    if (!text || !*text) continue;
    for (auto line : split(**text, '\n')) {
      auto equals = line.find('=');
      auto name = trim(line.substr(0, equals));
      if (equals == line.npos || (name != "password" && name != "bind_pw")) continue;
      secrets.emplace_back(trim(line.substr(equals + 1)));
    }
  }
  auto srs = read_file(config.srs_secret_file, secret_file_bytes_max);
  if (srs && *srs) add_words(**srs, secrets);
  return secrets;
}

}  // namespace

std::string without_secrets(std::string text, const std::vector<std::string>& secrets) {
  auto longest_first = secrets;
  std::ranges::sort(longest_first, std::greater(), &std::string::size);
  for (const auto& secret : longest_first) {
    if (secret.size() < secret_bytes_min) break;
    for (auto at = text.find(secret); at != text.npos; at = text.find(secret, at)) {
      text.replace(at, secret.size(), "[secret]");
      at += 8;
    }
  }
  return text;
}

std::string without_inline(std::string_view value) {
  std::string out(value);
  for (auto at = out.find("inline:{"); at != out.npos; at = out.find("inline:{", at + 1)) {
    auto open = at + std::string_view("inline:{").size();
    int depth = 1;
    auto end = open;
    for (; end < out.size() && depth > 0; ++end) {
      if (out[end] == '{') ++depth;
      if (out[end] == '}') --depth;
    }
    out.replace(open, end - open - (depth == 0 ? 1 : 0), " [left out] ");
  }
  return out;
}

int report(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  LoadOptions load;
  bool is_right = args.empty() || (args.size() == 2 && args[0] == "-c");
  if (!is_right) {
    err << usage::report << "\n";
    return ex_usage;
  }
  if (args.size() == 2) load.directory = args[1];
  std::ostringstream text;
  show_system(text);
  auto config = Config::load(load);
  if (!config) {
    title(text, "the configuration is wrong");
    text << without_inline(config.error().text()) << "\n";
    out << text.str();
    return 0;
  }
  const std::vector<std::string> of_directory{"-c", load.directory};
  show_daemons(**config, text);
  title(text, "settings that differ from their defaults");
  std::ostringstream settings;
  const std::vector<std::string> not_default{"-c", load.directory, "-n"};
  postconf(not_default, settings, settings);
  text << without_inline(settings.str());
  title(text, "pennypost check");
  check_command(of_directory, text, text);
  show_files(**config, load.directory, text);
  show_queue(*config, text);
  show_log(**config, text);
  std::string whole = without_secrets(text.str(), secrets_of(**config));
  if (whole.size() > report_bytes_max) {
    whole.resize(report_bytes_max);
    whole += "\n[cut off]\n";
  }
  out << whole;
  return 0;
}

}  // namespace pennypost::smtp
