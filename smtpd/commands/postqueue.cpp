#include "smtpd/commands/postqueue.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <ostream>

#include "common/base/json_text.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/mail/date.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/load_config.h"
#include "smtpd/commands/usage.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t reason_column = 76;  // where a reason is to end

constexpr std::size_t id_columns = 17;
constexpr std::size_t size_columns = 8;
constexpr std::size_t time_columns = 19;

void pad(std::string& out, std::size_t used, std::size_t width) {
  if (used < width) out.append(width - used, ' ');
}

/// Adds a line.
void add_columns(std::string& out, std::string_view id, std::string_view size,
                 std::string_view time, std::string_view who) {
  out += id;
  pad(out, id.size(), id_columns);
  out += ' ';
  pad(out, size.size(), size_columns);
  out += size;
  out += ' ';
  out += time;
  pad(out, time.size(), time_columns);
  out += ' ';
  out += who;
  out += '\n';
}

/// Says why the queue refused a request; the exit status, `otherwise` if it refused for good.
int refused(const Error& error, int otherwise, std::ostream& err) {
  bool is_denied = error.code() == control_denied;
  err << "postqueue: fatal: " << (is_denied ? error.text() : error.text_with_status()) << '\n';
  if (is_denied) return ex_noperm;
  return error.is_temporary() ? ex_tempfail : otherwise;
}

int unavailable(const Error& error, std::ostream& err) {
  err << "postqueue: fatal: Queue report unavailable - mail system is down (" << error.text()
      << ")\n";
  return ex_unavailable;
}

}  // namespace

std::string_view state_name(QueueState state) {
  switch (state) {
    case QueueState::Active:
      return "active";
    case QueueState::Deferred:
      return "deferred";
    case QueueState::Hold:
      return "hold";
    case QueueState::Incoming:
      break;
  }
  return "incoming";
}

std::string entry_text(const ListQueue::Entry& entry) {
  std::string marked = entry.id;
  if (entry.state == QueueState::Active) marked += '*';
  if (entry.state == QueueState::Hold) marked += '!';
  if (entry.is_to_expire) marked += '#';
  // Postfix shows `Tue Nov 14 22:13:20`, without the year.
  const std::string time = format_ctime(local_date(entry.arrival)).substr(0, time_columns);
  std::string out;
  add_columns(out, marked, std::to_string(entry.size), time,
              entry.sender.empty() ? "MAILER-DAEMON" : printable(entry.sender));
  const std::string* last_reason = nullptr;
  for (const auto& recipient : entry.recipients) {
    bool is_new = last_reason == nullptr || recipient.reason != *last_reason;
    if (!recipient.reason.empty() && is_new) {
      const std::string reason = printable(recipient.reason);
      pad(out, reason.size(), reason_column);
      out += '(' + reason + ")\n";
      last_reason = &recipient.reason;
    }
    add_columns(out, "", "", "", printable(recipient.address));
  }
  return out;
}

std::string entry_json(const ListQueue::Entry& entry) {
  std::string out =
      "{\"queue_name\": " + json_string(state_name(entry.state)) +
      ", \"queue_id\": " + json_string(entry.id) +
      ", \"arrival_time\": " + std::to_string(entry.arrival) +
      ", \"message_size\": " + std::to_string(entry.size) +
      ", \"forced_expire\": " + (entry.is_to_expire ? "true" : "false") +
      ", \"sender\": " + json_string(entry.sender.empty() ? "MAILER-DAEMON" : entry.sender) +
      ", \"recipients\": [";
  bool is_first = true;
  for (const auto& recipient : entry.recipients) {
    if (!std::exchange(is_first, false)) out += ", ";
    out += "{\"address\": " + json_string(recipient.address);
    if (!recipient.reason.empty()) out += ", \"delay_reason\": " + json_string(recipient.reason);
    out += '}';
  }
  return out + "]}\n";
}

Result<void> for_each_message(QueueClient& queue,
                              const std::function<bool(const ListQueue::Entry&)>& take,
                              const std::string& after) {
  std::size_t messages = 0;
  ListQueue ask;
  ask.after = after;
  std::optional<std::uint64_t> waiting;  // how many there were at the first page
  do {
    TRY(auto page, queue.call(ask));
    for (const auto& entry : page.entries) {
      if (!take(entry)) return {};
    }
    messages += page.entries.size();
    ask.after = page.next_after;
    if (!waiting) waiting = page.waiting;
  } while (!ask.after.empty() && messages < *waiting);
  return {};
}

int print_queue(QueueClient& queue, bool as_json, std::ostream& out, std::ostream& err) {
  std::uint64_t bytes = 0;
  std::size_t messages = 0;
  auto listed = for_each_message(queue, [&](const ListQueue::Entry& entry) {
    if (as_json) {
      out << entry_json(entry);
    } else if (messages == 0) {
      std::string head;
      add_columns(head, "----Queue ID-----", "--Size--", "---Arrival Time----",
                  "--Sender/Recipient------");
      out << head << entry_text(entry);
    } else {
      out << '\n' << entry_text(entry);
    }
    bytes += entry.size;
    ++messages;
    return out.good();  // nobody may be left to read it, as behind `| head`
  });
  if (!listed) return refused(listed.error(), ex_tempfail, err);
  if (as_json) return 0;
  if (messages == 0) {
    out << "Mail queue is empty\n";
  } else {
    out << "\n-- " << (bytes + 1023) / 1024 << " Kbytes in " << messages << " Request"
        << (messages == 1 ? "" : "s") << ".\n";
  }
  return 0;
}

bool may_open_queue(const std::string& queue_directory) {
  struct stat status {};
  if (::stat((queue_directory + "/db").c_str(), &status) != 0) return false;
  return ::geteuid() == 0 || ::geteuid() == status.st_uid;
}

int list_queue(const Config& config, const std::string& config_directory, bool as_json,
               std::ostream& out, std::ostream& err) {
  auto queue = QueueClient::connect(config.queue_directory);
  if (queue) return print_queue(*queue, as_json, out, err);
  if (!may_open_queue(config.queue_directory)) return unavailable(queue.error(), err);
  std::error_code ignored;
  auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
  const char* json = as_json ? "-j" : nullptr;
  for (const std::string& folder : {self.parent_path().string(), config.command_directory}) {
    std::string program = folder + "/pennypost";
    ::execl(program.c_str(), "pennypost", "mailq", "-c", config_directory.c_str(), json, nullptr);
  }
  return unavailable(queue.error(), err);
}

int flush_queue(const std::string& queue_directory, const FlushQueue& what, std::ostream& err) {
  auto queue = QueueClient::connect(queue_directory);
  if (!queue) {
    err << "postqueue: fatal: Cannot flush mail queue - mail system is down ("
        << queue.error().text() << ")\n";
    return ex_unavailable;
  }
  auto count = queue->call(what);
  return count ? 0 : refused(count.error(), ex_usage, err);
}

int postqueue(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  LoadOptions options;
  char action = 0;
  FlushQueue what;
  for (std::size_t i = 0; i < args.size(); ++i) {
    std::string_view arg = args[i];
    if (arg.size() < 2 || arg[0] != '-' || std::string_view("cCvpjfis").find(arg[1]) == arg.npos) {
      err << usage::postqueue << "\n";
      return ex_usage;
    }
    char letter = arg[1];
    if (letter == 'v') continue;
    std::string value(arg.substr(2));
    if (std::string_view("cCis").find(letter) != std::string_view::npos) {
      if (value.empty() && i + 1 < args.size()) value = args[++i];
      if (value.empty()) {
        err << usage::postqueue << "\n";
        return ex_usage;
      }
    }
    if (letter == 'c' || letter == 'C') {
      options.directory = value;
      continue;
    }
    if (action != 0) {
      err << usage::postqueue << "\n";
      return ex_usage;
    }
    action = letter;
    if (letter == 'i') what.id = value;
    if (letter == 's') what.site = value;
  }
  if (action == 0) {
    err << usage::postqueue << "\n";
    return ex_usage;
  }
  auto config = load_config(options, err);
  if (!config) return ex_config;
  const std::string& directory = config->queue_directory;
  if (action == 'p' || action == 'j') {
    return list_queue(*config, options.directory, action == 'j', out, err);
  }
  return flush_queue(directory, what, err);
}

}  // namespace pennypost::smtp
