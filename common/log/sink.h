// Writes log lines to syslog, a file, stderr or a test's list.
//
// One sink for the process, set by main(), kept over fork. A sink is opened before the process
// gives up its root directory and its user, and holds its descriptor after. Writing a line is one
// system call, safe from every thread, and neither fails nor waits: a line that can't be written
// now, as syslogd is away or busy, or the disk is full, is kept and written later (kept_lines.h).
// The lines that an event loop writes in one turn may share such a call: see gather().
//
// File and stderr lines: `Nov 21 07:40:40 mail pennypost/smtpd[71]: text`. Where the name is
// Postfix's, lines about logins have Dovecot's form: `Nov 21 07:40:40 mail dovecot[71]: imap-login:
// text`, so that what reads the logs of those two programs reads ours.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/log/kept_lines.h"

namespace pennypost {

enum class Severity { Info, Warning, Error, Fatal, Panic };

/// A line may be this long; the rest is cut.
inline constexpr std::size_t log_line_bytes_max = 8000;

/// So many bytes of lines wait at most, as many as a pipe takes in one piece (PIPE_BUF).
inline constexpr std::size_t log_gathered_bytes_max = 4096;

/// Where lines go. The component is the part behind the slash of the tag, as `smtpd` or `qmgr`; one
/// that begins with a slash is the whole tag, of a service with a syslog_name of its own:
/// `/postfix/submission/smtpd`.
class LogSink {
 public:
  virtual ~LogSink() = default;
  /// `process`: the one that the line is about; 0: this one.
  virtual void write(Severity severity, std::string_view component, std::string_view text,
                     int process = 0) = 0;
  /// From here on the calling thread's lines may wait for its flush(), all but warnings and worse,
  /// of at most log_gathered_bytes_max. `false`: no longer.
  virtual void gather(bool /*gathers*/) {}
  /// Writes what has been gathered. For the thread that called gather().
  virtual void flush() {}
  /// Opens the file anew at its path (after it was renamed away). Error: it can't be opened; then
  /// the old one stays in use.
  virtual Result<void> reopen() { return {}; }
  /// The descriptor in use, to hand to a process that can't open it; -1 where there is none.
  virtual int descriptor() const { return -1; }
  /// Takes a descriptor that the master opened, in place of the own one.
  virtual void adopt(int /*descriptor*/) {}
  /// A new connection to the syslogd of now, for a process that can't make one; -1: there is none.
  virtual int connect_anew() const { return -1; }
  /// Whether lines wait to be written.
  virtual bool is_waiting() const { return false; }
  /// Tries to write those that wait, without waiting itself.
  virtual Drained write_waiting() { return Drained::All; }
};

/// What a sink is made of: the settings of these names.
struct LogOptions {
  std::string syslog_name = "pennypost";
  std::string syslog_facility = "mail";
  std::string maillog_file = {};  ///< empty: syslog; /dev/stderr, /dev/stdout, or a file
  bool is_dovecot_form = false;   ///< `NAME[71]: imap-login: text`

  bool operator==(const LogOptions&) const = default;
};

/// The same for a daemon that serves mailboxes: it logs as Dovecot does where syslog_name is
/// `dovecot`, `postfix`, or that of one of Postfix's instances (`postfix-out`).
LogOptions in_dovecot_form(LogOptions options);

/// Sets the process's sink and the hook of ASSERT. Error: the file can't be opened.
Result<void> open_log(const LogOptions& options);

/// Sets any sink; gives back the one before.
std::unique_ptr<LogSink> set_log(std::unique_ptr<LogSink> sink);

/// The process's sink; stderr until one is set.
LogSink& log_sink();

/// For the end of a process: waits up to a second for what waits to be written. What is left behind
/// then is told on stderr, once the sink goes.
void finish_log();

/// The severity as lines bear it: empty for Info, else `warning: `, `error: `, `fatal: `, `panic:
/// `.
std::string_view prefix(Severity severity);

/// Collects the lines of a test as `component: text`, and gives the old sink back at its end.
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  /// All lines so far.
  std::vector<std::string> lines() const;
  /// The last line; empty where there is none.
  std::string last() const;

 private:
  class Sink;
  Sink* sink_;
  std::unique_ptr<LogSink> before_;
};

}  // namespace pennypost
