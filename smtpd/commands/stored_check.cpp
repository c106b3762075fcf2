#include "smtpd/commands/stored_check.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <ostream>
#include <set>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/config/tables.h"
#include "common/process/ask_as.h"
#include "smtpd/backup/places.h"
#include "smtpd/queue/record.h"
#include "store/kv/database.h"
#include "store/mailbox/mailbox.h"
#include "store/maps/generation.h"

namespace pennypost::smtp {
namespace {

namespace fs = std::filesystem;

constexpr int maildir_depth_max = 3;
constexpr int fs_depth_max = store::MailboxName::levels_max;
constexpr std::string_view uidlist_name = "dovecot-uidlist";
constexpr char refused = '!';  // the first character of a line that tells of a refusal

using Lines = std::vector<std::string>;

std::string what_becomes_of_queue(std::string_view form) {
  auto number = parse_number(form).value_or(0);
  auto own = parse_number(stored_form).value_or(0);
  std::string of = "format " + printable(form, 20);
  if (number == own) return " " + of + ": read as it is";
  if (number != 0 && number < own) {
    return " " + of + ": read, and from the next start on written in format " +
           std::string(stored_form) + ", which the version before does not read";
  }
  return std::string(1, refused) + of + ": this version reads up to format " +
         std::string(stored_form) +
         " and would refuse it; let the other version deliver what waits, then install this one";
}

/// Read without a lock, so that it may be in use.
Result<Lines> queue_lines(const Config& config) {
  fs::path directory = config.queue_directory + "/db";
  std::string name = "queue " + directory.string();
  std::error_code problem;
  if (!fs::exists(directory / "CURRENT", problem)) return Lines{" " + name + ": none yet"};
  TRY(auto database, store::Database::open_read_only(directory, store::Profile::queue()));
  TRY(auto form, database.find(keys::form));
  std::string what = form ? what_becomes_of_queue(*form)
                          : std::string(" no format number: its messages are tried one by one");
  return Lines{what.substr(0, 1) + name + ": " + what.substr(1)};
}

Result<Lines> table_lines(const Config& config) {
  std::set<std::string> seen;
  Lines lines;
  for (const auto& named : tables_in(config)) {
    const std::string& file = named.table.name;
    if (named.table.type != "hash" || !seen.insert(file).second) continue;
    std::string name = "table " + named.table.text() + ": ";
    auto opened = store::open_generation(file);
    bool is_absent =
        !opened && store::storage_problem(opened.error()) == store::StorageProblem::Absent;
    if (is_absent) {
      lines.push_back(" " + name + "not built");
    } else if (!opened) {
      lines.push_back(std::string(1, refused) + name + opened.error().text() +
                      "; build it anew: postmap " + named.table.text());
    } else {
      lines.push_back(" " + name +
                      (store::is_table_stale(file)
                           ? "read as it is; older than its source: postmap " + named.table.text()
                           : "read as it is"));
    }
  }
  return lines;
}

/// What a list of UIDs begins with: its version.
std::string version_of(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  char first = 0;
  if (!file || ::read(file.number(), &first, 1) != 1) return "unreadable or empty";
  return first == '1' || first == '3' ? std::string(1, first) : "unknown";
}

void count_lists(const std::string& root, int depth_max,
                 std::map<std::string, std::size_t>& versions) {
  std::error_code problem;
  fs::recursive_directory_iterator entry(root, fs::directory_options::skip_permission_denied,
                                         problem);
  for (; !problem && entry != fs::recursive_directory_iterator(); entry.increment(problem)) {
    std::string name = entry->path().filename();
    bool has_messages = name == "new" || name == "cur" || name == "tmp";
    if (has_messages || entry.depth() >= depth_max) entry.disable_recursion_pending();
    if (name == uidlist_name) ++versions[version_of(entry->path())];
  }
}

Result<Lines> mail_lines(const std::shared_ptr<const Config>& config) {
  if (config->role == Role::NullClient) return Lines{};
  TRY(auto accounts, all_accounts(config));
  std::map<std::string, std::size_t> versions;
  std::size_t mboxes = 0;
  for (const auto& account : accounts) {
    TRY(auto place, mail_place(account));
    if (place.location.format == store::MailLocation::Format::Mbox) {
      ++mboxes;
    } else {
      const auto& location = place.location;
      int depth_max = location.is_fs() ? fs_depth_max : maildir_depth_max;
      count_lists(location.control.empty() ? location.root : location.control, depth_max, versions);
    }
  }
  Lines lines;
  for (const auto& [version, count] : versions) {
    std::string line = "lists of UIDs (" + std::string(uidlist_name) + "), version " + version +
                       ": " + std::to_string(count);
    if (version == "3") line += ", read as they are";
    if (version == "1") line += ", written in version 3 when their folder is opened; UIDs stay";
    if (version != "3" && version != "1") {
      line += ", set aside when their folder is opened; its messages get new UIDs";
    }
    lines.push_back(" " + line);
  }
  if (mboxes > 0) {
    lines.push_back(" mail in mbox files: " + std::to_string(mboxes) + " users, read as it is");
  }
  std::error_code problem;
  if (fs::exists(config->index_directory, problem)) {
    lines.push_back(" indexes in " + config->index_directory +
                    ": read, or made anew of the mail where they can't be");
  }
  return lines;
}

}  // namespace

int check_stored(const std::shared_ptr<const Config>& config, std::ostream& out,
                 std::ostream& err) {
  int status = 0;
  // Each database in a process of its own, for their library makes threads.
  for (const auto& lines : {ask_apart([&] { return queue_lines(*config); }),
                            ask_apart([&] { return table_lines(*config); }),
                            ask_apart([&] { return mail_lines(config); })}) {
    if (!lines) {
      err << "pennypost check: " << lines.error().text() << "\n";
      status = 1;
      continue;
    }
    for (const auto& line : *lines) {
      bool is_refused = line.front() == refused;
      (is_refused ? err : out) << line.substr(1) << "\n";
      if (is_refused) status = 1;
    }
  }
  return status;
}

}  // namespace pennypost::smtp
