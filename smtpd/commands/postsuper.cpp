#include "smtpd/commands/postsuper.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <optional>
#include <ostream>
#include <vector>

#include "common/base/text.h"
#include "common/config/config.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/load_config.h"
#include "smtpd/commands/queue_access.h"
#include "smtpd/commands/usage.h"
#include "smtpd/queue/queue_id.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t ids_at_once = 1000;  // in one request
constexpr std::array<std::string_view, 4> queues{"incoming", "active", "deferred", "hold"};

struct Action {
  char letter;
  QueueChange change;
  std::string_view done;
};
// In Postfix's order of execution, whatever the order of the arguments.
constexpr std::array actions{
    Action{'d', QueueChange::Remove, "Deleted: "},
    Action{'e', QueueChange::Expire, "Force-expired: "},
    Action{'f', QueueChange::ExpireAndRelease, "Force-expired: "},
    Action{'h', QueueChange::Hold, "Placed on hold: "},
    Action{'H', QueueChange::Release, "Released from hold: "},
    Action{'r', QueueChange::Requeue, "Requeued: "},
};

/// The ids for each action.
using Ids = std::array<std::vector<std::string>, actions.size()>;

struct Request {
  std::string directory = "/etc/pennypost";
  Ids which;  // as given: ids, ALL, -
  std::vector<std::string> queues;
  RepairQueue repair;
  bool changes = false;

  bool repairs() const { return repair.is_check || repair.is_purge; }
};

bool take_option(Request& request, char letter, const std::string& value) {
  if (letter == 'c') {
    request.directory = value;
    return true;
  }
  auto action = std::ranges::find(actions, letter, &Action::letter);
  if (action == actions.end()) return false;
  request.which[static_cast<std::size_t>(action - actions.begin())].push_back(value);
  request.changes = true;
  return true;
}

/// Nothing if the arguments are wrong.
std::optional<Request> parse(std::span<const std::string> args) {
  Request request;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    if (std::ranges::find(queues, arg) != queues.end()) {
      request.queues.push_back(arg);
      continue;
    }
    if (arg.size() < 2 || arg[0] != '-') return std::nullopt;
    for (std::size_t at = 1; at < arg.size(); ++at) {
      char letter = arg[at];
      if (std::string_view("psSv").find(letter) != std::string_view::npos) {
        request.repair.is_purge = request.repair.is_purge || letter == 'p';
        request.repair.is_check = request.repair.is_check || letter == 's' || letter == 'S';
        continue;
      }
      bool is_attached = at + 1 < arg.size();
      if (!is_attached && i + 1 == args.size()) return std::nullopt;
      if (!take_option(request, letter, is_attached ? arg.substr(at + 1) : args[++i])) {
        return std::nullopt;
      }
      break;
    }
  }
  if (!request.changes && !request.repairs()) return std::nullopt;
  return request;
}

void add_id(std::vector<std::string>& ids, std::string_view id, std::ostream& err) {
  if (is_queue_id(id)) {
    ids.emplace_back(id);
  } else {
    err << "postsuper: warning: invalid mail queue id: " << printable(id, 100) << '\n';
  }
}

/// The messages for an action, in the form of ChangeQueue::ids. Reads standard input for -.
std::vector<std::string> ids_of(const std::vector<std::string>& named, const Request& request,
                                std::ostream& err) {
  std::vector<std::string> ids;
  for (const auto& one : named) {
    if (one == "-") {
      for (std::string line; std::getline(std::cin, line);) add_id(ids, trim(line), err);
    } else if (one != "ALL") {
      add_id(ids, one, err);
    } else if (request.queues.empty()) {
      ids.push_back(one);
    } else {
      ids.insert(ids.end(), request.queues.begin(), request.queues.end());
    }
  }
  return ids;
}

/// Returns how many messages were changed.
Result<std::uint64_t> change(QueueClient& queue, QueueChange what,
                             std::span<const std::string> ids) {
  std::uint64_t messages = 0;
  while (!ids.empty()) {
    auto now = ids.first(std::min(ids.size(), ids_at_once));
    ids = ids.subspan(now.size());
    ChangeQueue ask;
    ask.change = what;
    ask.ids.assign(now.begin(), now.end());
    TRY(auto count, queue.call(ask));
    messages += count.messages;
  }
  return messages;
}

/// `1 message`, `2 messages`.
std::string count_of(std::uint64_t count, const std::string& what) {
  return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

int failed(const Error& error, std::ostream& err) {
  err << "postsuper: fatal: " << error.text_with_status() << '\n';
  return ex_failed;
}

int repair(QueueClient& queue, const RepairQueue& ask, std::ostream& out, std::ostream& err) {
  auto repaired = queue.call(ask);
  if (!repaired) return failed(repaired.error(), err);
  if (repaired->files_removed > 0) {
    out << "postsuper: Removed: " << count_of(repaired->files_removed, "temporary file") << '\n';
  }
  for (const auto& problem : repaired->problems) {
    err << "postsuper: warning: " << printable(problem) << '\n';
  }
  if (repaired->damaged == 0) return 0;
  err << "postsuper: warning: Damaged: " << count_of(repaired->damaged, "message")
      << "; -d removes a message, -h keeps it aside\n";
  return ex_failed;
}

int work_on(QueueClient& queue, const Request& request, const Ids& ids, std::ostream& out,
            std::ostream& err) {
  int status = request.repairs() ? repair(queue, request.repair, out, err) : 0;
  for (std::size_t i = 0; i < actions.size(); ++i) {
    if (request.which[i].empty()) continue;
    auto messages = change(queue, actions[i].change, ids[i]);
    if (!messages) return failed(messages.error(), err);
    out << "postsuper: " << actions[i].done << count_of(*messages, "message") << '\n';
  }
  return status;
}

}  // namespace

int postsuper(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  auto request = parse(args);
  if (!request) {
    err << usage::postsuper << "\n";
    return ex_usage;
  }
  LoadOptions options;
  options.directory = request->directory;
  auto config = load_config(options, err);
  if (!config) return ex_config;
  // Read the ids before the queue is opened: the program that writes them may have it open itself.
  Ids ids;
  for (std::size_t i = 0; i < actions.size(); ++i)
    ids[i] = ids_of(request->which[i], *request, err);
  auto queue = QueueAccess::open(config);
  if (!queue) {
    std::error_code problem;
    bool has_queue = std::filesystem::exists(config->queue_directory + "/db", problem) || problem;
    if (!request->changes && !has_queue) return 0;  // there was no mail yet
    err << "postsuper: fatal: mail system is down (" << queue.error().text() << ")\n";
    return ex_unavailable;
  }
  return work_on(queue->client(), *request, ids, out, err);
}

}  // namespace pennypost::smtp
