package badges

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"

	"github.com/guerdonhq/guerdon/fault"
)

// algorithm returns how a key signs, by its name in RFC 7518 or 8037, and the hash that is signed, 0 for the message itself.
func algorithm(key crypto.Signer) (alg string, hash crypto.Hash, err error) {
	if key == nil {
		return "", 0, fault.Invalid("key", "is nil")
	}
	switch k := key.Public().(type) {
	case ed25519.PublicKey:
		return "EdDSA", 0, nil
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return "ES256", crypto.SHA256, nil
		}
	case *rsa.PublicKey:
		if k.N.BitLen() >= 2048 {
			return "RS256", crypto.SHA256, nil
		}
	}
	return "", 0, fault.Invalid("key", "is none of Ed25519, of ECDSA on P-256, or of RSA with 2048 bits or more")
}

// sign returns a JWT as a compact JWS (RFC 7515). Its header has what Open Badges allow and no more.
func sign(key crypto.Signer, keyID string, payload []byte) (string, error) {
	alg, hash, err := algorithm(key)
	if err != nil {
		return "", err
	}
	header, err := json.Marshal(struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
		Typ string `json:"typ"`
	}{alg, keyID, "JWT"})
	if err != nil {
		return "", err
	}
	input := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	digest := []byte(input)
	if hash != 0 {
		sum := sha256.Sum256(digest)
		digest = sum[:]
	}
	signature, err := key.Sign(nil, digest, hash)
	if err == nil && alg == "ES256" {
		signature, err = concatenated(signature)
	}
	if err != nil {
		return "", fmt.Errorf("signing by %s: %w", keyID, err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// concatenated returns a signature of ECDSA on P-256, which a [crypto.Signer] makes in ASN.1, as JWS have it: R and S of 32 bytes each.
func concatenated(der []byte) ([]byte, error) {
	var of struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &of)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 64)
	for i, n := range []*big.Int{of.R, of.S} {
		if len(rest) > 0 || n.Sign() <= 0 || n.BitLen() > 256 {
			return nil, errors.New("the signature is none of ECDSA on P-256")
		}
		n.FillBytes(out[32*i : 32*i+32])
	}
	return out, nil
}
