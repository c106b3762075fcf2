// Writes log lines to syslog, a file, stderr or a test's list.
//
// A process has one sink, set by main() and kept over fork. It is opened before the process gives
// up its root directory and its user, and keeps its descriptor afterwards. Writing a line is one
// system call, safe from every thread, and neither fails nor waits: a line that can't be written
// now, because syslogd is away or busy, or the disk is full, is kept and written later
// (kept_lines.h). The lines that an event loop writes in one turn may share a system call: see
// gather().
//
// File and stderr lines: `Nov 21 07:40:40 mail pennypost/smtpd[71]: text`. If the name is
// Postfix's, lines about logins have Dovecot's form: `Nov 21 07:40:40 mail dovecot[71]: imap-login:
// text`, so that tools that read the logs of those two programs can read ours. With log_format =
// json a line is an object instead: see line_form.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/log/kept_lines.h"
#include "common/log/line_form.h"

namespace pennypost {

enum class Severity { Info, Warning, Error, Fatal, Panic };

/// The most bytes of gathered lines: what a pipe takes in one piece (PIPE_BUF).
inline constexpr std::size_t log_gathered_bytes_max = 4096;

/// The destination of log lines. The component is the part after the slash of the tag, such as
/// `smtpd` or `qmgr`; one that begins with a slash is the whole tag, for a service with its own
/// syslog_name: `/postfix/submission/smtpd`.
class LogSink {
 public:
  virtual ~LogSink() = default;
  /// `process`: the pid that the line is about; 0: this process.
  virtual void write(Severity severity, std::string_view component, std::string_view text,
                     int process = 0) = 0;
  /// The same, with those parts of `text` that are fields in a log of JSON.
  virtual void write_fields(Severity severity, std::string_view component, std::string_view text,
                            int process, LogParts /*fields*/) {
    write(severity, component, text, process);
  }
  /// From now on the calling thread's lines may wait for its flush(), up to log_gathered_bytes_max,
  /// except for warnings and worse. `false` ends that.
  virtual void gather(bool /*gathers*/) {}
  /// Writes the gathered lines. For the thread that called gather().
  virtual void flush() {}
  /// Opens the file again at its path (after log rotation). Error: it can't be opened; then the old
  /// one stays in use.
  virtual Result<void> reopen() { return {}; }
  /// The descriptor in use, to pass to a process that can't open the file; -1 if there is none.
  virtual int descriptor() const { return -1; }
  /// Replaces the descriptor by one that the master has opened.
  virtual void adopt(int /*descriptor*/) {}
  /// A new connection to the current syslogd, for a process that can't make one; -1 if that fails.
  virtual int connect_anew() const { return -1; }
  /// Whether lines wait to be written.
  virtual bool is_waiting() const { return false; }
  /// Tries to write the waiting lines, without blocking.
  virtual Drained write_waiting() { return Drained::All; }
};

/// The settings of a sink, with their names in main.toml.
struct LogOptions {
  std::string syslog_name = "pennypost";
  std::string syslog_facility = "mail";
  std::string maillog_file = {};    ///< empty: syslog; /dev/stderr, /dev/stdout, or a file
  bool is_dovecot_form = false;     ///< `NAME[71]: imap-login: text`
  std::string log_format = "text";  ///< or json

  bool operator==(const LogOptions&) const = default;
};

/// The same for a daemon that serves mailboxes: it logs like Dovecot if syslog_name is `dovecot`,
/// `postfix`, or the name of a Postfix instance (`postfix-out`).
LogOptions in_dovecot_form(LogOptions options);

/// Sets the process's sink and the hook of ASSERT. Error: the file can't be opened.
Result<void> open_log(const LogOptions& options);

/// Sets any sink; returns the previous one.
std::unique_ptr<LogSink> set_log(std::unique_ptr<LogSink> sink);

/// The process's sink; stderr until one is set.
LogSink& log_sink();

/// For the end of a process: waits up to a second for waiting lines to be written. If lines are
/// left over, that is reported on stderr when the sink is destroyed.
void finish_log();

/// The severity as written in lines: empty for Info, else `warning: `, `error: `, `fatal: `,
/// `panic: `.
std::string_view prefix(Severity severity);
/// The same as a word: `info`, `warning`, ...
std::string_view severity_name(Severity severity);

/// Collects a test's log lines as `component: text`, and restores the old sink when destroyed.
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  /// All lines so far.
  std::vector<std::string> lines() const;
  /// The last line; empty if there is none.
  std::string last() const;

 private:
  class Sink;
  Sink* sink_;
  std::unique_ptr<LogSink> before_;
};

}  // namespace pennypost
