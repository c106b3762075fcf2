#include "imapd/managesieve/session.h"

#include <array>

#include "common/async/turn.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "common/session/command_table.h"
#include "imapd/response/logout_text.h"
#include "store/sieve/checker.h"

namespace pennypost::imap::managesieve {
namespace {

constexpr std::string_view stopping_text = "Server shutting down.";
constexpr std::size_t unsent_bytes_max = 64 * 1024;
constexpr std::size_t mistakes_told_max = 20;

CommandLimits limits_of(const Config& config) {
  return {config.at(Service::Sieve).managesieve_max_line_length, config.sieve_max_script_size};
}

/// One mistake a line.
std::string text_of(const store::sieve::Mistakes& mistakes) {
  std::string text;
  for (std::size_t i = 0; i < mistakes.size() && i < mistakes_told_max; ++i) {
    text += (i == 0 ? "" : "\r\n") + printable(mistakes[i].shown(), 500);
  }
  if (mistakes.size() > mistakes_told_max) {
    text += "\r\nand " + std::to_string(mistakes.size() - mistakes_told_max) + " more";
  }
  return text;
}

}  // namespace

struct SessionCommands {
  struct Row {
    std::string_view name;
    std::string_view shape;  // of argument_problem()
    std::string_view rfc;
    Task<Reply> (Session::*handler)(const Command&);
  };
  static constexpr std::array rows{
      Row{"CAPABILITY", "", "5804 2.4", &Session::capability},
      Row{"CHECKSCRIPT", "s", "5804 2.12", &Session::checkscript},
      Row{"DELETESCRIPT", "s", "5804 2.10", &Session::deletescript},
      Row{"GETSCRIPT", "s", "5804 2.9", &Session::getscript},
      Row{"HAVESPACE", "sn", "5804 2.5", &Session::havespace},
      Row{"LISTSCRIPTS", "", "5804 2.7", &Session::listscripts},
      Row{"LOGOUT", "", "5804 2.3", &Session::logout},
      Row{"NOOP", "?s", "5804 2.13", &Session::noop},
      Row{"PUTSCRIPT", "ss", "5804 2.6", &Session::putscript},
      Row{"RENAMESCRIPT", "ss", "5804 2.11.1", &Session::renamescript},
      Row{"SETACTIVE", "s", "5804 2.8", &Session::setactive},
      Row{"UNAUTHENTICATE", "", "5804 2.14.1", &Session::unauthenticate},
  };
  static_assert(is_command_table(rows));
};

Session::Session(Connection& connection, std::shared_ptr<const Config> config, TraceDesk* traces,
                 LoggedIn who, store::sieve::ScriptStore scripts)
    : connection_(connection),
      config_(std::move(config)),
      dialogue_(connection, limits_of(*config_)),
      trace_(traces, connection),
      who_(std::move(who)),
      scripts_(std::move(scripts)) {}

Task<> Session::serve() {
  std::string reason;
  try {
    co_await converse();
    reason = dialogue_.end_reason();
  } catch (const Disconnected& lost) {
    bool is_timeout = lost.reason() == Disconnected::Reason::Timeout;
    reason = is_stopping_ ? std::string(stopping_text) : is_timeout ? "Inactivity" : lost.text();
  }
  auto counts =
      logout_text(settings().managesieve_logout_format, dialogue_.received(), dialogue_.sent());
  log_logout("managesieve", who_.user, who_.session_id, reason, counts);
}

void Session::stop() {
  is_stopping_ = true;
  if (!is_waiting_) return;
  try {
    connection_.stream().try_write(Reply::bye(stopping_text, "TRYLATER").line());
    connection_.stream().shut_down();
  } catch (const Disconnected&) {
    // The client has disconnected already.
  }
  connection_.stream().abort();
}

Task<> Session::converse() {
  connection_.set_timeout(settings().imap_idle_timeout);
  show("");
  std::string code = who_.sasl_data.empty() ? "" : "SASL " + string_of(who_.sasl_data);
  dialogue_.answer(Reply::ok("Logged in.", code));
  while (!dialogue_.is_ended()) {
    is_waiting_ = true;
    auto event = co_await dialogue_.next();
    is_waiting_ = false;
    if (event == Dialogue::Event::Complete) {
      co_await dispatch();
    } else if (event == Dialogue::Event::Refused) {
      refuse(dialogue_.error());
    } else {
      dialogue_.abandon("Too much input that can't be taken.", "Too much input");
    }
    if (connection_.unsent() > unsent_bytes_max) co_await connection_.flush();
    // What was sent ahead could go on for long.
    if (turn_is_long(connection_.loop())) co_await connection_.loop().turn_end();
    if (is_stopping_) dialogue_.abandon(stopping_text, stopping_text);
  }
  co_await connection_.flush();
  is_logged_out_ = wants_logout_;
  if (!is_logged_out_) connection_.stream().shut_down();
}

/// A script that is too large is no mistake of the client's program.
void Session::refuse(const Error& error) {
  if (trace_.is_asked()) show(dialogue_.command().name + " (refused)");
  if (error.response_code() == ResponseCode::None) {
    dialogue_.answer_mistake(error.text());
  } else {
    dialogue_.answer(Reply(error));
  }
}

Task<> Session::dispatch() {
  const Command& command = dialogue_.command();
  if (trace_.is_asked()) show(shown(command));
  const auto* row = find_command(SessionCommands::rows, command.name);
  if (row == nullptr) {
    dialogue_.answer_mistake("Unknown command: " + command.name);
    co_return;
  }
  auto problem = argument_problem(command, row->shape);
  if (!problem.empty()) {
    dialogue_.answer_mistake(problem);
    co_return;
  }
  auto work = (this->*row->handler)(command);
  auto reply = co_await std::move(work);
  dialogue_.answer(reply);
}

void Session::show(std::string_view line) {
  if (!trace_.is_asked()) return;
  trace_.hear({"imapd", who_.client, who_.user}, line);
}

Task<Reply> Session::capability(const Command&) {
  Capabilities now;
  now.implementation = settings().managesieve_implementation_string;
  now.redirects_max = config_->sieve_max_redirects;
  now.owner = who_.user;
  now.extensions = scripts_.offered();
  dialogue_.put(lines_of(now));
  co_return Reply::ok("Capability completed.");
}

Task<Reply> Session::noop(const Command& command) {
  std::string tag;
  if (!command.arguments.empty()) tag = "TAG " + string_of(command.arguments[0].text);
  co_return Reply::ok("Done.", tag);
}

Task<Reply> Session::logout(const Command&) {
  dialogue_.end("Logged out");
  co_return Reply::ok("Logging out.");
}

Task<Reply> Session::unauthenticate(const Command&) {
  wants_logout_ = true;
  dialogue_.end("Unauthenticated");
  co_return Reply::ok("You are logged out, and may log in again.");
}

Task<Reply> Session::havespace(const Command& command) {
  const auto& arguments = command.arguments;
  auto done = co_await connection_.loop().offload(
      [&] { return scripts_.check_room(arguments[0].text, arguments[1].number); });
  if (!done) co_return done.error();
  co_return Reply::ok("There is room.");
}

Task<Reply> Session::putscript(const Command& command) {
  const auto& arguments = command.arguments;
  auto mistakes = co_await connection_.loop().offload(
      [&] { return scripts_.put(arguments[0].text, arguments[1].text); });
  if (!mistakes) co_return mistakes.error();
  if (!mistakes->empty()) co_return Reply::no(text_of(*mistakes));
  co_return Reply::ok("Script stored.");
}

Task<Reply> Session::checkscript(const Command& command) {
  auto compiled = co_await connection_.loop().offload(
      [&] { return store::sieve::compile(command.arguments[0].text, scripts_.offered()); });
  if (!compiled.mistakes.empty()) co_return Reply::no(text_of(compiled.mistakes));
  co_return Reply::ok("Script is valid.");
}

Task<Reply> Session::listscripts(const Command&) {
  auto listed = co_await connection_.loop().offload([&] { return scripts_.list(); });
  if (!listed) co_return listed.error();
  for (const auto& one : *listed) {
    dialogue_.put(string_of(one.name) + (one.is_active ? " ACTIVE" : "") + "\r\n");
  }
  co_return Reply::ok("Listed.");
}

Task<Reply> Session::getscript(const Command& command) {
  auto text =
      co_await connection_.loop().offload([&] { return scripts_.read(command.arguments[0].text); });
  if (!text) co_return text.error();
  dialogue_.put("{" + std::to_string(text->size()) + "}\r\n");
  dialogue_.put(*text);
  dialogue_.put("\r\n");
  co_return Reply::ok("Script sent.");
}

Task<Reply> Session::setactive(const Command& command) {
  const std::string& name = command.arguments[0].text;
  auto done = co_await connection_.loop().offload([&] { return scripts_.activate(name); });
  if (!done) co_return done.error();
  co_return Reply::ok(name.empty() ? "No script is active." : "Script is active.");
}

Task<Reply> Session::deletescript(const Command& command) {
  auto done = co_await connection_.loop().offload(
      [&] { return scripts_.remove(command.arguments[0].text); });
  if (!done) co_return done.error();
  co_return Reply::ok("Script removed.");
}

Task<Reply> Session::renamescript(const Command& command) {
  const auto& arguments = command.arguments;
  auto done = co_await connection_.loop().offload(
      [&] { return scripts_.rename(arguments[0].text, arguments[1].text); });
  if (!done) co_return done.error();
  co_return Reply::ok("Script renamed.");
}

}  // namespace pennypost::imap::managesieve
