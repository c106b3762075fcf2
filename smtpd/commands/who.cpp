#include "smtpd/commands/who.h"

#include <algorithm>
#include <iomanip>
#include <map>
#include <optional>
#include <ostream>
#include <set>
#include <vector>

#include "common/async/nursery.h"
#include "common/base/json_text.h"
#include "common/base/text.h"
#include "common/net/session_list.h"
#include "common/process/session_messages.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/load_config.h"
#include "smtpd/commands/local_time.h"
#include "smtpd/commands/master_link.h"
#include "smtpd/commands/usage_mail.h"

namespace pennypost::smtp {
namespace {

constexpr int ex_not_found = 68;  // doveadm's status for it
constexpr int user_columns = 30;
constexpr std::size_t masks_max = 1000;

struct Call {
  LoadOptions load;
  bool is_single = false;
  bool as_json = false;
  std::vector<std::string> masks;
};

/// Nothing: wrong arguments.
std::optional<Call> parse(std::span<const std::string> args) {
  Call call;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "-c" && i + 1 < args.size()) {
      call.load.directory = args[++i];
    } else if (args[i] == "-1") {
      call.is_single = true;
    } else if (args[i] == "--json") {
      call.as_json = true;
    } else if (args[i].starts_with('-')) {
      return {};
    } else {
      call.masks.push_back(args[i]);
    }
  }
  if (call.masks.size() > masks_max) return {};
  return call;
}

template <class Request>
Task<Result<typename Request::Reply>> ask(Loop& loop, Link& link, std::string request) {
  Nursery running(loop);
  running.start(link.run());
  auto asking = link.call(Request::type, std::move(request), {});
  CO_TRY(auto reply, co_await std::move(asking));
  co_return wire::decode<typename Request::Reply>(reply.body);
}

/// Asks the masters of all daemons that run. The exit status; 0 if all have answered.
class Inquiry {
 public:
  Inquiry(std::string name, std::ostream& err) : name_(std::move(name)), err_(err) {}

  template <class Request, class Use>
  int ask_all(const Config& config, const Request& request, Use use) {
    auto daemons = running_daemons(config.base_dir);
    if (daemons.empty()) {
      err_ << "pennypost " << name_ << ": no daemon runs; start them with: pennypost start\n";
      return ex_not_running;
    }
    int status = 0;
    for (const auto& daemon : daemons) {
      auto answer = ask_one(config.base_dir, daemon, request);
      if (answer) {
        use(*answer);
        continue;
      }
      err_ << "pennypost " << name_ << ": " << daemon << ": " << answer.error().text() << "\n";
      status = answer.error().is_temporary() ? ex_tempfail : ex_noperm;
    }
    return status;
  }

 private:
  template <class Request>
  static Result<typename Request::Reply> ask_one(const std::string& base_dir,
                                                 const std::string& daemon,
                                                 const Request& request) {
    TRY(auto socket, connect_to_master(base_dir, daemon));
    Loop loop;
    Services none;
    Link link(loop, std::move(socket), none, master_process);
    return loop.run_until(ask<Request>(loop, link, wire::encode(request)));
  }

  std::string name_;
  std::ostream& err_;
};

std::string in_parentheses(const std::set<std::string>& words) {
  return "(" + join({words.begin(), words.end()}, " ") + ")";
}

void print_json(const std::vector<OpenSession>& sessions, std::ostream& out) {
  for (const auto& session : sessions) {
    out << "{\"user\":" << json_string(session.user)
        << ",\"service\":" << json_string(session.service)
        << ",\"client\":" << json_string(session.client) << ",\"pid\":" << session.pid
        << ",\"since\":" << json_string(local_time(session.since))
        << ",\"encrypted\":" << (session.is_encrypted ? "true" : "false") << "}\n";
  }
}

void print_single(const std::vector<OpenSession>& sessions, std::ostream& out) {
  out << std::left << std::setw(user_columns) << "username"
      << " proto       pid     since               ip\n";
  for (const auto& session : sessions) {
    out << std::left << std::setw(user_columns) << printable(session.user) << " " << std::setw(11)
        << session.service << " " << std::setw(7) << session.pid << " " << local_time(session.since)
        << " " << session.client << "\n";
  }
}

/// A line for each user and service, as doveadm has it.
void print_table(const std::vector<OpenSession>& sessions, std::ostream& out) {
  struct Line {
    std::uint64_t count = 0;
    std::set<std::string> pids;
    std::set<std::string> clients;
  };
  std::map<std::pair<std::string, std::string>, Line> lines;
  for (const auto& session : sessions) {
    auto& line = lines[{session.user, session.service}];
    ++line.count;
    line.pids.insert(std::to_string(session.pid));
    line.clients.insert(session.client);
  }
  out << std::left << std::setw(user_columns) << "username"
      << " # proto       (pids) (ips)\n";
  for (const auto& [key, line] : lines) {
    out << std::left << std::setw(user_columns) << printable(key.first) << " " << line.count << " "
        << std::setw(11) << key.second << " " << in_parentheses(line.pids) << " "
        << in_parentheses(line.clients) << "\n";
  }
}

/// Whether the words are masks; says so if not.
bool are_masks(const std::string& name, const std::vector<std::string>& words, std::ostream& err) {
  auto masks = SessionMasks::parse(words);
  if (!masks) err << "pennypost " << name << ": " << masks.error().text() << "\n";
  return masks.has_value();
}

}  // namespace

int who(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  auto call = parse(args);
  if (!call || (call->is_single && call->as_json)) {
    err << usage::who << "\n";
    return ex_usage;
  }
  if (!are_masks("who", call->masks, err)) return ex_usage;
  auto config = load_config(call->load, err);
  if (!config) return ex_config;
  control::ListSessions request;
  request.masks = call->masks;
  std::vector<OpenSession> sessions;
  int status = Inquiry("who", err).ask_all(*config, request, [&](auto& answer) {
    sessions.insert(sessions.end(), answer.sessions.begin(), answer.sessions.end());
    if (answer.sessions.size() == sessions_told_max) {
      err << "pennypost who: a daemon has more than " << sessions_told_max
          << " sessions; name users or networks to see all of theirs\n";
    }
  });
  if (status == ex_not_running) return status;
  std::ranges::stable_sort(sessions, {}, &OpenSession::user);
  if (call->as_json) {
    print_json(sessions, out);
  } else if (call->is_single) {
    print_single(sessions, out);
  } else {
    print_table(sessions, out);
  }
  return status;
}

int kick(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  auto call = parse(args);
  // All sessions are never meant by leaving out a word: * is one.
  if (!call || call->is_single || call->as_json || call->masks.empty()) {
    err << usage::kick << "\n";
    return ex_usage;
  }
  if (!are_masks("kick", call->masks, err)) return ex_usage;
  auto config = load_config(call->load, err);
  if (!config) return ex_config;
  control::EndSessions request;
  request.masks = call->masks;
  std::uint64_t count = 0;
  int status =
      Inquiry("kick", err).ask_all(*config, request, [&](auto& answer) { count += answer.count; });
  if (status != 0) return status;
  out << count << (count == 1 ? " session" : " sessions") << " ended\n";
  return count == 0 ? ex_not_found : 0;
}

}  // namespace pennypost::smtp
