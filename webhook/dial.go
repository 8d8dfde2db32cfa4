package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// notPublic are the addresses that nobody outside can have, or that stand for such, beside those that the standard library knows.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // shared by a provider's customers
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), // documentation
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), // of these three, the last or middle bytes are any address of version 4
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"), // documentation
	netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("fec0::/10"),
}

// errNotPublic is why an address is not dialled.
var errNotPublic = errors.New("webhook: is no public address")

// allowed tells whether an address may be dialled.
func (o *Options) allowed(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	contains := func(p netip.Prefix) bool { return p.Contains(addr) }
	if slices.ContainsFunc(o.Allow, contains) {
		return true
	}
	return addr.IsGlobalUnicast() && !addr.IsPrivate() && !slices.ContainsFunc(notPublic, contains)
}

// The bounds of a response. Nobody reads its body; a little of it is taken off the connection, so that this can be used again.
const (
	maxResponse        = 4 << 10
	maxResponseHeaders = 64 << 10
)

// client returns what sends messages. The address is judged when it is dialled, after the name was resolved: a name that is
// public today may be private tomorrow. There is no proxy, which would dial by itself, and no redirect, which would be another address.
func (o *Options) client() *http.Client {
	dialer := &net.Dialer{
		Timeout: o.Timeout,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err == nil && !o.allowed(to.Addr()) {
				err = errNotPublic
			}
			return err
		},
	}
	return &http.Client{
		Timeout:       o.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    o.Timeout,
			ForceAttemptHTTP2:      true,
			MaxResponseHeaderBytes: maxResponseHeaders,
			MaxIdleConns:           o.AtOnce,
			IdleConnTimeout:        time.Minute,
		},
	}
}
