#include "popd/session.h"

#include <algorithm>

#include "common/async/turn.h"
#include "common/base/client_words.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "common/session/command_table.h"
#include "popd/capabilities.h"
#include "popd/dots.h"
#include "store/mailbox/lock_wait.h"

namespace pennypost::pop {
namespace {

constexpr std::size_t first_piece_bytes = 256 * 1024;  // most messages come in one piece
constexpr std::size_t piece_bytes = 128 * 1024;
constexpr std::size_t unsent_bytes_max = 64 * 1024;

// The default stands in only for tests: the check of the configuration refuses a wrong format.
UniqueIdFormat id_format(const Settings& settings) {
  auto format = UniqueIdFormat::parse(settings.pop3_uidl_format);
  return format ? *std::move(format) : UniqueIdFormat::default_format();
}

}  // namespace

struct SessionCommands {
  enum Arguments { None, Optional, Required };
  struct Command {
    std::string_view name;
    Arguments arguments;
    std::string_view rfc;
    Task<> (Session::*handler)(std::string_view);
  };
  static constexpr std::array commands{
      Command{"CAPA", Optional, "2449 5", &Session::capa},
      Command{"DELE", Required, "1939 5", &Session::dele},
      Command{"LIST", Optional, "1939 5", &Session::list},
      Command{"NOOP", Optional, "1939 5", &Session::noop},
      Command{"QUIT", Optional, "1939 6", &Session::quit},
      Command{"RETR", Required, "1939 5", &Session::retr},
      Command{"RSET", Optional, "1939 5", &Session::rset},
      Command{"STAT", Optional, "1939 5", &Session::stat},
      Command{"TOP", Required, "1939 7", &Session::top},
      Command{"UIDL", Optional, "1939 7", &Session::uidl},
  };
  static_assert(is_command_table(commands));
};

Session::Session(Connection& connection, std::shared_ptr<const Config> config, Service service,
                 Maildrop& maildrop, std::string user, Watched watched)
    : connection_(connection),
      config_(std::move(config)),
      settings_(config_->at(service)),
      maildrop_(maildrop),
      replies_(connection, settings_.pop3_bad_commands_max),
      user_(std::move(user)),
      client_(std::move(watched.client)),
      trace_(watched.traces, connection),
      unique_ids_(id_format(settings_)) {
  auto [count, octets] = maildrop_.total();
  counts_.messages = count;
  counts_.size = octets;
}

void Session::refuse(const Error& error, std::string_view told) {
  log_warning("pop3", user_ + ": " + error.text());
  replies_.err("[SYS/TEMP] " + std::string(told));
}

void Session::stop() {
  stopping_ = true;
  if (!is_waiting_) return;
  connection_.stream().try_write(stop_line);
  connection_.stream().abort();
}

Task<> Session::serve() {
  connection_.set_timeout(settings_.pop3_idle_timeout);
  while (!quitting_) {
    if (stopping_) {
      connection_.put(stop_line);
      break;
    }
    is_waiting_ = true;
    auto line = co_await connection_.line(settings_.pop3_line_length_limit);
    is_waiting_ = false;
    if (trace_.is_asked()) show(line.text);
    if (line.is_too_long) {
      replies_.mistake("Line too long.");
    } else {
      std::string text(line.text);
      co_await dispatch(text);
    }
    if (replies_.are_too_many_mistakes()) {
      replies_.err("Too many bad commands.");
      break;
    }
    // The client may have sent many commands ahead.
    co_await give_way();
  }
  co_await connection_.flush();
}

Task<> Session::give_way() {
  if (connection_.unsent() > unsent_bytes_max) co_await connection_.flush();
  if (turn_is_long(connection_.loop())) co_await connection_.loop().turn_end();
}

/// A line that is no command may be a password that came too late.
void Session::show(std::string_view line) {
  auto name = line.substr(0, line.find(' '));
  bool is_known = find_command(SessionCommands::commands, name) != nullptr;
  trace_.hear({"popd", client_, user_}, is_known ? line : "(an unknown command, not shown)");
}

Task<> Session::dispatch(std::string_view line) {
  auto blank = line.find(' ');
  auto name = line.substr(0, blank);
  auto args = blank == std::string_view::npos ? std::string_view() : trim(line.substr(blank + 1));
  const auto* command = find_command(SessionCommands::commands, name);
  if (command == nullptr) {
    replies_.mistake("Unknown command: " + printable(name, 40));
    co_return;
  }
  if (command->arguments == SessionCommands::Required && args.empty()) {
    replies_.mistake(std::string(command->name) + " needs a message number.");
    co_return;
  }
  auto work = (this->*command->handler)(args);
  co_await std::move(work);
}

Session::Entry* Session::numbered(std::string_view text) {
  auto number = parse_number(text);
  auto& entries = maildrop_.entries();
  if (!number || *number == 0) {
    replies_.mistake("Invalid message number: " + printable(text, 40));
    return nullptr;
  }
  if (*number > entries.size()) {
    replies_.err("There's no message " + std::to_string(*number) + ".");
    return nullptr;
  }
  auto& entry = entries[*number - 1];
  if (entry.is_deleted) {
    replies_.err("Message is deleted.");
    return nullptr;
  }
  return &entry;
}

Task<> Session::capa(std::string_view) {
  connection_.put(capabilities({}));
  co_return;
}

Task<> Session::noop(std::string_view) {
  replies_.ok("");
  co_return;
}

Task<> Session::stat(std::string_view) {
  auto [count, octets] = maildrop_.total();
  replies_.ok(std::to_string(count) + " " + std::to_string(octets));
  co_return;
}

Task<> Session::list(std::string_view args) {
  if (!args.empty()) {
    Entry* entry = numbered(args);
    if (entry != nullptr) replies_.ok(std::string(args) + " " + std::to_string(entry->octets));
    co_return;
  }
  auto [count, octets] = maildrop_.total();
  replies_.ok(std::to_string(count) + " messages:");
  auto& entries = maildrop_.entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].is_deleted) continue;
    connection_.put(std::to_string(i + 1) + " " + std::to_string(entries[i].octets) + "\r\n");
    co_await give_way();
  }
  connection_.put(".\r\n");
}

Task<> Session::uidl(std::string_view args) {
  if (!args.empty()) {
    Entry* entry = numbered(args);
    if (entry != nullptr)
      replies_.ok(std::string(args) + " " + maildrop_.unique_id(*entry, unique_ids_));
    co_return;
  }
  replies_.ok("");
  auto& entries = maildrop_.entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].is_deleted) continue;
    connection_.put(std::to_string(i + 1) + " " + maildrop_.unique_id(entries[i], unique_ids_) +
                    "\r\n");
    co_await give_way();
  }
  connection_.put(".\r\n");
}

Task<> Session::retr(std::string_view args) {
  Entry* entry = numbered(args);
  if (entry == nullptr) co_return;
  auto work = send_message(*entry, std::nullopt);
  co_await std::move(work);
}

Task<> Session::top(std::string_view args) {
  auto parts = words(args, " \t");
  auto lines = parts.size() == 2 ? parse_number(parts[1]) : std::nullopt;
  if (!lines) {
    replies_.mistake("TOP needs a message number and a number of lines.");
    co_return;
  }
  Entry* entry = numbered(parts[0]);
  if (entry == nullptr) co_return;
  ++counts_.top;
  auto work = send_message(*entry, lines);
  co_await std::move(work);
}

Task<> Session::send_message(Entry& entry, std::optional<std::uint64_t> body_lines) {
  std::optional<store::MessageReader> reader;
  auto beginning = store::retry_while_locked(connection_.loop(), maildrop_.lock_timeout(),
                                             [&]() -> Result<std::string> {
                                               TRY(auto opened, maildrop_.read(entry));
                                               reader.emplace(std::move(opened));
                                               return reader->read(0, first_piece_bytes);
                                             });
  auto first = co_await std::move(beginning);
  if (!first) {
    // Another client has removed it since login; RFC 1939 has no reply of its own for that.
    if (first.error().is_temporary()) {
      refuse(first.error(), client_words(first.error()));
    } else {
      replies_.err("Message is gone: another client removed it.");
    }
    co_return;
  }
  if (!body_lines) {
    ++counts_.retrieved;
    entry.is_retrieved = true;
  }
  replies_.ok(body_lines ? "" : std::to_string(entry.octets) + " octets");
  DotStuffer stuffer(body_lines);
  std::string piece = *std::move(first);
  auto asked = first_piece_bytes;
  std::uint64_t offset = 0;
  std::string out;
  for (;;) {
    out.clear();
    bool goes_on = stuffer.add(piece, out);
    offset += piece.size();
    if (!body_lines) counts_.retrieved_bytes += piece.size();
    // A piece shorter than asked for is the last. The size that LIST tells may come from a file's
    // name, and be wrong.
    bool is_last = !goes_on || piece.size() < asked;
    if (is_last) stuffer.finish(out);
    co_await connection_.write(out);
    if (is_last) co_return;
    auto next = co_await connection_.loop().offload(
        [&]() -> Result<std::string> { return reader->read(offset, piece_bytes); });
    // In the middle of a reply only the end of the connection can tell the client of an error.
    if (!next) throw Disconnected(Disconnected::Reason::Error, next.error().text());
    piece = *std::move(next);
    asked = piece_bytes;
  }
}

Task<> Session::dele(std::string_view args) {
  Entry* entry = numbered(args);
  if (entry == nullptr) co_return;
  maildrop_.mark_deleted(*entry);
  replies_.ok("Marked to be deleted.");
}

Task<> Session::rset(std::string_view) {
  maildrop_.unmark_all();
  replies_.ok("");
  co_return;
}

Task<> Session::quit(std::string_view) {
  quitting_ = true;
  bool mark_seen = !settings_.pop3_no_flag_updates;
  auto updating = store::retry_while_locked(connection_.loop(), maildrop_.lock_timeout(),
                                            [&] { return maildrop_.update(mark_seen); });
  auto removed = co_await std::move(updating);
  if (!removed) {
    refuse(removed.error(), "Some messages could not be removed.");
    co_return;
  }
  counts_.deleted = *removed;
  replies_.ok(*removed > 0 ? "Logging out, messages deleted." : "Logging out.");
}

}  // namespace pennypost::pop
