#include "popd/session.h"

#include <algorithm>

#include "common/async/turn.h"
#include "common/base/client_words.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "common/mail/header.h"
#include "common/session/command_table.h"
#include "popd/ascii_header.h"
#include "popd/capabilities.h"
#include "popd/dots.h"
#include "popd/language.h"
#include "store/mailbox/lock_wait.h"

namespace pennypost::pop {
namespace {

constexpr std::size_t first_piece_bytes = 256 * 1024;  // most messages come in one piece
constexpr std::size_t piece_bytes = 128 * 1024;
constexpr std::size_t unsent_bytes_max = 64 * 1024;
// Longer messages are read by another thread, so that no session holds the others up.
constexpr std::size_t at_once_bytes_max = 128 * 1024;

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
      Command{"LANG", Optional, "6856 3", &Session::lang},
      Command{"LAST", Optional, "1460 5", &Session::last},
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
      has_utf8_(watched.has_utf8) {
  auto [count, octets] = maildrop_.total();
  counts_.messages = count;
  counts_.size = octets;
  note_seen();
}

void Session::note_seen() {
  const auto& entries = maildrop_.entries();
  auto seen = std::find_if(entries.rbegin(), entries.rend(),
                           [](const Entry& entry) { return entry.was_seen; });
  last_ = static_cast<std::size_t>(entries.rend() - seen);
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
  connection_.put(capabilities({}, settings_));
  co_return;
}

Task<> Session::lang(std::string_view args) {
  answer_lang(args, connection_, replies_);
  co_return;
}

Task<> Session::last(std::string_view) {
  if (settings_.pop3_enable_last) {
    replies_.ok(std::to_string(last_));
  } else {
    replies_.mistake("LAST is not enabled here; UIDL tells what is new.");
  }
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
    if (entry != nullptr) replies_.ok(std::string(args) + " " + maildrop_.unique_id(*entry));
    co_return;
  }
  if (settings_.pop3_save_uidl) {
    auto keeping = store::retry_while_locked(connection_.loop(), maildrop_.lock_timeout(),
                                             [&] { return maildrop_.keep_unique_ids(); });
    auto kept = co_await std::move(keeping);
    if (!kept) log_warning("pop3", user_ + ": unique ids can't be kept: " + kept.error().text());
  }
  replies_.ok("");
  auto& entries = maildrop_.entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].is_deleted) continue;
    connection_.put(std::to_string(i + 1) + " " + maildrop_.unique_id(entries[i]) + "\r\n");
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
  auto work = send_message(*entry, lines);
  co_await std::move(work);
}

Task<> Session::send_message(Entry& entry, std::optional<std::uint64_t> body_lines) {
  if (put_now(entry, body_lines)) {
    count(entry, entry.octets, body_lines.has_value());
    co_return;
  }
  auto work = send_pieces(entry, body_lines);
  co_await std::move(work);
}

bool Session::put_now(const Entry& entry, std::optional<std::uint64_t> body_lines) {
  // One message at a time is in it, of whichever session of the process.
  static thread_local std::string stored;
  auto reader = maildrop_.read_now(entry);
  if (!reader || !reader->stored_now(at_once_bytes_max, stored)) return false;
  replies_.ok(body_lines ? "" : std::to_string(entry.octets) + " octets");
  DotStuffer stuffer(body_lines);
  std::optional<std::string> fit;
  if (!has_utf8_ && !is_ascii(stored)) fit.emplace(fit_for_client(stored));
  std::string out;
  stuffer.add(fit ? *fit : stored, out);
  stuffer.finish(out);
  connection_.put(out);
  return true;
}

// A whole message.
std::string Session::fit_for_client(std::string_view message) {
  auto header = message.substr(0, header_bytes(message));
  auto body = message.substr(header.size());
  auto out = ascii_header(header).value_or(std::string(header));
  if (!AsciiParts::has_parts(header)) return out.append(body);
  return out + AsciiParts(header).converted(body, true);
}

// The first piece of a long message, with its header. `parts` converts what follows, if it must be.
std::string Session::begin_for_client(std::string piece, std::optional<AsciiParts>& parts,
                                      bool is_last) const {
  if (has_utf8_) return piece;
  auto header = std::string_view(piece).substr(0, header_bytes(piece));
  auto body = std::string_view(piece).substr(header.size());
  auto out = ascii_header(header).value_or(std::string(header));
  if (!AsciiParts::has_parts(header)) return out.append(body);
  parts.emplace(header);
  return out + parts->converted(body, is_last);
}

void Session::count(Entry& entry, std::uint64_t bytes, bool is_top) {
  last_ = std::max(last_, static_cast<std::size_t>(&entry - maildrop_.entries().data()) + 1);
  if (is_top) {
    ++counts_.top;
    counts_.top_bytes += bytes;
  } else {
    ++counts_.retrieved;
    counts_.retrieved_bytes += bytes;
    entry.is_retrieved = true;
  }
}

Task<> Session::send_pieces(Entry& entry, std::optional<std::uint64_t> body_lines) {
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
  count(entry, 0, body_lines.has_value());
  replies_.ok(body_lines ? "" : std::to_string(entry.octets) + " octets");
  DotStuffer stuffer(body_lines);
  auto& bytes_sent = body_lines ? counts_.top_bytes : counts_.retrieved_bytes;
  std::uint64_t offset = first->size();
  bool is_last = first->size() < first_piece_bytes;
  std::optional<AsciiParts> parts;
  auto piece = begin_for_client(*std::move(first), parts, is_last);
  std::string out;
  for (;;) {
    out.clear();
    bool goes_on = stuffer.add(piece, out);
    bytes_sent += piece.size();
    is_last = is_last || !goes_on;
    if (is_last) stuffer.finish(out);
    co_await connection_.write(out);
    if (is_last) co_return;
    auto next = co_await connection_.loop().offload(
        [&]() -> Result<std::string> { return reader->read(offset, piece_bytes); });
    // In the middle of a reply only the end of the connection can tell the client of an error.
    if (!next) throw Disconnected(Disconnected::Reason::Error, next.error().text());
    piece = *std::move(next);
    offset += piece.size();
    // A piece shorter than asked for is the last. The size that LIST tells may come from a file's
    // name, and be wrong.
    is_last = piece.size() < piece_bytes;
    if (parts) piece = parts->converted(piece, is_last);
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
  note_seen();
  replies_.ok("");
  co_return;
}

Task<> Session::quit(std::string_view) {
  quitting_ = true;
  auto updating = store::retry_while_locked(connection_.loop(), maildrop_.lock_timeout(),
                                            [&] { return maildrop_.update(); });
  auto removed = co_await std::move(updating);
  if (!removed) {
    refuse(removed.error(), "Some messages could not be removed.");
    co_return;
  }
  counts_.deleted = *removed;
  replies_.ok(*removed > 0 ? "Logging out, messages deleted." : "Logging out.");
}

}  // namespace pennypost::pop
